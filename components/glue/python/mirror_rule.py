"""The exports of a mirror rule, made of the functions of src/component.py."""

import component as author
from componentize_py_types import Err
from turbo_component import RuleError
from turbo_description import DESCRIPTION
from turbo_glue import call, member
from wit_world.exports import mirror_rules as rules


def describe():
    patterns = [
        rules.Pattern(pattern["schemes"], pattern["host-suffixes"], pattern["path-prefixes"])
        for pattern in DESCRIPTION["patterns"]
    ]
    examples = [rules.Example(**example) for example in DESCRIPTION["examples"]]
    names = [DESCRIPTION[field] for field in ("id", "version", "summary")]
    return rules.RuleInfo(*names, patterns, examples, [])


def candidate(given):
    kind, promise = member(rules.CandidateKind, given.kind), member(rules.Promise, given.promise)
    return rules.Candidate(given.url, given.region, given.weight, kind, promise)


def refusal(error):
    cases = {"refused": rules.RuleError_Refused, "invalid": rules.RuleError_Invalid}
    if error.case == "not-mine":
        return rules.RuleError_NotMine()
    return cases.get(error.case, rules.RuleError_Other)(str(error))


def map_url(request):
    try:
        return [candidate(given) for given in author.map_url(request.url, request.region)]
    except RuleError as error:
        raise Err(refusal(error)) from None


def configure(settings):
    try:
        author.configure(dict(settings))
    except ValueError as error:
        raise Err(str(error)) from None


class MirrorRules:
    def describe(self):
        return call(getattr(author, "describe", describe))

    def configure(self, settings):
        if hasattr(author, "configure"):
            call(configure, settings)

    def map_url(self, request):
        return call(map_url, request)
