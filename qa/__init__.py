"""Zhijian 质检: quality inspection of customer-service chats.

The path of a chat, and the floor each step lives on (imports only point down)::

    sources → store → sample → rules → score → flag → (review → training)

    floor 5   qa.cli, qa.web                     commands and pages
    floor 4   qa.intake, qa.nightly, qa.show, qa.backtest, qa.publishing,
              qa.drafting, qa.demo, qa.accounts, qa.signing_in, qa.auditing,
              qa.overview, qa.rulehealth, qa.trying, qa.versions, qa.training,
              qa.judging, qa.queueing, qa.casebook, qa.reviewing, qa.learning, qa.boards,
              qa.moving, qa.backups, qa.retention, qa.operating
                                                one use case a module
    floor 3   qa.rules, qa.models, qa.store, qa.privacy   engines and persistence
    floor 2   qa.text, qa.phrases, qa.hours, qa.ledger, qa.sampling, qa.estimates,
              qa.scoring, qa.flagging, qa.policy, qa.config, qa.tokens, qa.sources,
              qa.people
    floor 1   qa.types, qa.errors, qa.progress
"""

__version__ = "0.1.0"
