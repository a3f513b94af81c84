"""Writes one file for each release of a package.

The release comes in with everything computed: sizes, digests, dates. What goes
out is checked and delivered by the engine.
"""

from turbo_component import Diagnostic, Files, Generated, Rejected


def wants(release, settings: dict) -> list[str]:
    """The files of the destination that `generate` wants to read."""
    return [page_path(release)]


def generate(release, settings: dict, prior: dict) -> Generated:
    """Makes the deliveries of a release. `prior` has the bytes of what stands
    there, by path, and None for what does not."""
    if not release.artifacts:
        raise Rejected(Diagnostic("error", "no-artifact", "the release has no file"))
    path = page_path(release)
    title = settings.get("title", release.name)
    lines = "\n".join(line(artifact) for artifact in release.artifacts)
    page = f"# {title} {release.version}\n\n{lines}\n"
    findings = []
    if prior.get(path) not in (None, page.encode()):
        findings.append(Diagnostic("warning", "rewritten", "the page of this version changes", file=path))
    return Generated([Files({path: page})], findings)


def page_path(release) -> str:
    return f"{release.name}/{release.version}.md"


def line(artifact) -> str:
    sha256 = next((digest.value.hex() for digest in artifact.digests if digest.algorithm == "sha-256"), None)
    if sha256 is None:
        raise Rejected(Diagnostic("error", "no-digest", f"{artifact.file_name} has no SHA-256"))
    return f"- [{artifact.file_name}]({artifact.url}) {artifact.size} bytes, sha256 {sha256}"
