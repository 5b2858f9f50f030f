"""Unpacks a body that came compressed though none was asked for, as far as there is room for it."""

from __future__ import annotations

import zlib
from collections.abc import Mapping

GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
"""zlib's own number for: whichever of the two the bytes begin as."""
ENCODINGS = frozenset({"gzip", "x-gzip", "deflate"})


def unpacked(body: bytes, headers: Mapping[str, str], most: int) -> bytes:
    """Return a body as it was before it was packed, at most so many bytes: a megabyte can hold a gigabyte.

    A body that is packed in another way, or is not what its header says, stays as it is.
    """
    if headers.get("content-encoding", "").strip().lower() not in ENCODINGS:
        return body
    try:
        return zlib.decompressobj(GZIP_OR_ZLIB).decompress(body, most)
    except zlib.error:
        return body
