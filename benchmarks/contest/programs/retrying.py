"""A session of `requests` that tries again, as its documents and urllib3's have it."""

from __future__ import annotations

import requests
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

ATTEMPTS = 10
BACKOFF_FACTOR = 0.05
"""Seconds: waits 0.1, 0.2, 0.4 and so on."""


def session() -> requests.Session:
    """Return a session that tries lost and failed requests again, POSTs too."""
    retry = Retry(
        total=ATTEMPTS,
        backoff_factor=BACKOFF_FACTOR,
        status_forcelist=[429, 500, 502, 503, 504],
        allowed_methods=None,
    )
    made = requests.Session()
    made.mount("http://", HTTPAdapter(max_retries=retry))
    return made
