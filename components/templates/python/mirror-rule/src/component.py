"""Says where else the files of one host are.

Which URLs the rule is asked about stands in component.toml; where their copies
are, here.
"""

from urllib.parse import urlsplit

from turbo_component import Candidate, NotMine, Refused

# Who keeps copies, with their weight.
COPIES = [("mirror.example", 80)]


def map_url(url: str, region: str) -> list[Candidate]:
    """The places that have the bytes of a URL, best first."""
    parts = urlsplit(url)
    if parts.hostname != "downloads.example":
        raise NotMine
    if parts.path.endswith("/") or parts.query:
        raise Refused("this is a folder; ask for a file in it")
    # Who asked for http gets http.
    return [Candidate(f"{parts.scheme}://{host}{parts.path}", weight=weight) for host, weight in COPIES]
