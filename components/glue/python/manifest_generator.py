"""The exports of a manifest generator, made of the functions of src/component.py."""

from dataclasses import asdict

import component as author
from componentize_py_types import Err
from turbo_component import Files, GitChange, Nupkg, Oci, Rejected
from turbo_description import DESCRIPTION
from turbo_glue import call, member
from wit_world.exports import manifest as wit


def describe():
    return wit.GeneratorInfo(*[DESCRIPTION[field] for field in ("id", "version", "summary", "manager")], [])


def diagnostic(given):
    return wit.Diagnostic(**{**asdict(given), "severity": member(wit.Severity, given.severity)})


def files(given):
    return [
        wit.OutputFile(path, content.encode() if isinstance(content, str) else content)
        for path, content in given.items()
    ]


def delivery(given):
    match given:
        case Files(contents):
            return wit.Delivery_Files(files(contents))
        case GitChange(repository, base, title, body, branch, writes, deletes, route):
            route = member(wit.GitRoute, route)
            change = wit.GitChange(repository, base, branch, title, body, files(writes), deletes, route)
            return wit.Delivery_GitChange(change)
        case Nupkg(nuspec, endpoint, contents):
            return wit.Delivery_Nupkg(wit.Nupkg(nuspec, files(contents), endpoint))
        case Oci(reference, artifact_type, layers):
            return wit.Delivery_Oci(wit.Oci(reference, artifact_type, files(layers)))
    raise TypeError(f"{given!r} is no delivery")


def by_path(prior):
    """Prior files by their path; of those that are not there, None."""
    return {file.path: file.content for file in prior}


def generate(release, settings, prior):
    try:
        made = author.generate(release, dict(settings), by_path(prior))
    except Rejected as error:
        raise Err([diagnostic(given) for given in error.diagnostics]) from None
    deliveries = [delivery(given) for given in made.deliveries]
    return wit.Generated(deliveries, [diagnostic(given) for given in made.diagnostics], [])


def interpret(delivered, answers):
    """The author answers with the name of an outcome, or with that and a text."""
    outcome = author.interpret(delivered, answers)
    name, *text = (outcome,) if isinstance(outcome, str) else outcome
    return getattr(wit, "Outcome_" + name.title().replace("-", ""))(*text)


class Manifest:
    def describe(self):
        return call(getattr(author, "describe", describe))

    def wants(self, release, settings):
        return call(author.wants, release, dict(settings)) if hasattr(author, "wants") else []

    def generate(self, release, settings, prior):
        return call(generate, release, settings, prior)

    def validate(self, delivered, prior):
        if not hasattr(author, "validate"):
            return []
        return [diagnostic(given) for given in call(author.validate, delivered, by_path(prior))]

    def poll(self, delivered, submission):
        return call(author.poll, delivered, submission) if hasattr(author, "poll") else []

    def interpret(self, delivered, answers):
        return call(interpret, delivered, answers) if hasattr(author, "interpret") else wit.Outcome_Pending()
