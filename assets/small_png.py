"""PNG files of screenshots with a palette of 256 colours: a third of the size, and nobody sees it.

A screenshot of text on plain grounds has few colours that matter. Those that lie close together share one, the most
frequent ones get a place, the others the nearest one. Pixels are read by the browser that took the picture.
"""

from __future__ import annotations

import base64
import struct
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

_COLOURS = 256
_READ = """async (data) => {
  const image = await createImageBitmap(await (await fetch("data:image/png;base64," + data)).blob());
  const canvas = new OffscreenCanvas(image.width, image.height);
  const paper = canvas.getContext("2d");
  paper.drawImage(image, 0, 0);
  const pixels = paper.getImageData(0, 0, image.width, image.height).data;
  let text = "";
  for (let at = 0; at < pixels.length; at += 32768) text += String.fromCharCode(...pixels.subarray(at, at + 32768));
  return [image.width, image.height, btoa(text)];
}"""


def reduced(browser: Any, png: bytes) -> bytes:
    """Return a picture with at most 256 colours; what is smaller stays, be it the picture as it was."""
    page = browser.new_page()
    width, height, pixels = page.evaluate(_READ, base64.b64encode(png).decode())
    page.close()
    colours = np.frombuffer(base64.b64decode(pixels), np.uint8).reshape(height * width, 4)[:, :3]
    small = _written(*_with_palette(colours), width, height)
    return min(small, png, key=len)


def _with_palette(colours: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Return a palette and for each pixel the place of its colour in it."""
    codes = colours.astype(np.uint32) @ np.array([65_536, 256, 1], np.uint32)
    known, where, often = np.unique(codes, return_inverse=True, return_counts=True)
    found = np.stack([known >> 16, known >> 8 & 255, known & 255], axis=1).astype(np.int32)
    palette = found[_chosen(found, often)]
    nearest = np.array([np.argmin(((palette - one) ** 2).sum(axis=1)) for one in found], np.uint8)
    return palette.astype(np.uint8), nearest[where]


def _chosen(found: npt.NDArray[np.int32], often: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return which colours get a place: of each cube of 8 × 8 × 8 the most frequent one, the largest cubes first."""
    cubes = (found >> 3) @ np.array([1_024, 32, 1])
    order = np.argsort(-often, kind="stable")
    _, first, inverse = np.unique(cubes[order], return_index=True, return_inverse=True)
    pixels = np.bincount(inverse, often[order])
    return np.asarray(order[first[np.argsort(-pixels, kind="stable")[:_COLOURS]]])


def _written(palette: npt.NDArray[np.uint8], places: npt.NDArray[np.uint8], width: int, height: int) -> bytes:
    """Return the file (W3C PNG specification, colour type 3, no filter)."""
    rows = np.zeros((height, width + 1), np.uint8)
    rows[:, 1:] = places.reshape(height, width)
    parts = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
        (b"PLTE", palette.tobytes()),
        (b"IDAT", zlib.compress(rows.tobytes(), 9)),
        (b"IEND", b""),
    ]
    chunks = [
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in parts
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)
