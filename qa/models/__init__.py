"""The opinion: what a small linear classifier thinks of a chat, calibrated, able to abstain, and fully explained.

``labelled`` reads chats with labels; ``wording`` and ``ngrams`` turn text into features with places; ``features`` lays
them out for turns and chats; ``heads`` fits and applies; ``calibrate`` makes probabilities of scores; ``explain`` takes
scores apart; ``model`` is all of it as one thing that can be saved; ``evaluate`` measures it.
"""
