"""What the answers of a component are made of.

Plain values, so that they can be tested without WebAssembly. The functions that
`component.py` may define, and what the engine asks of each, stand in
components/README.md of turbo-engine.
"""

from dataclasses import dataclass, field


# Of mirror rules.


@dataclass
class Candidate:
    """A place that has the bytes of a URL."""

    url: str
    region: str = ""  # ISO 3166-1 alpha-2 in lower case; empty for the whole world
    weight: int = 50  # 0 to 100, higher first
    kind: str = "mirror"  # or "cdn", "proxy"
    promise: str = "same-bytes"  # or "may-differ"


class RuleError(Exception):
    """Why there is no candidate; any other exception is a fault of the rule."""

    case = "other"


class NotMine(RuleError):
    """The URL is not one that this rule knows."""

    case = "not-mine"


class Refused(RuleError):
    """The URL is no file; the text says what to ask for instead."""

    case = "refused"


class Invalid(RuleError):
    """A part of the URL is malformed."""

    case = "invalid"


# Of manifest generators. The content of a file is a str or bytes.


@dataclass
class Files:
    """Files beside the release: their content by path."""

    files: dict


@dataclass
class GitChange:
    """A change to a git repository that the user configured."""

    repository: str
    base: str
    title: str
    body: str = ""
    branch: str | None = None
    writes: dict = field(default_factory=dict)
    deletes: list = field(default_factory=list)
    route: str = "pull-request"  # or "push"


@dataclass
class Nupkg:
    """A package for a NuGet feed that the user configured."""

    nuspec: str
    endpoint: str
    files: dict = field(default_factory=dict)


@dataclass
class Oci:
    """An artifact for an OCI registry that the user configured."""

    reference: str
    artifact_type: str
    layers: dict


@dataclass
class Diagnostic:
    """One finding."""

    severity: str  # "error", "warning" or "note"
    code: str
    message: str
    file: str | None = None
    pointer: str | None = None
    line: int = 0
    column: int = 0
    help_url: str | None = None
    suggestion: str | None = None


@dataclass
class Generated:
    """What a generator answers: deliveries, in their order, and findings."""

    deliveries: list
    diagnostics: list = field(default_factory=list)


class Rejected(Exception):
    """The release cannot be published; any other exception is a fault."""

    def __init__(self, *diagnostics):
        super().__init__("; ".join(diagnostic.message for diagnostic in diagnostics))
        self.diagnostics = diagnostics
