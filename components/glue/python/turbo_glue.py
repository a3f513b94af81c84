"""What both kinds of components need between their author's functions and the interface."""

from componentize_py_types import Err
from wit_world.imports import log


def call(author, *arguments):
    """Calls the author's function. An exception that is no answer ends the call,
    and the log is where its words can go."""
    try:
        return author(*arguments)
    except Err:
        raise
    except BaseException as error:
        log.log(log.Level.ERROR, told(error))
        raise


def told(error):
    """An exception and where it was raised. The module `traceback` would look
    for the source, and there are no files."""
    lines = [f"{type(error).__name__}: {error}"]
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        lines.append(f"  at {code.co_name} ({code.co_filename.rpartition('/')[2]}:{trace.tb_lineno})")
        trace = trace.tb_next
    return "\n".join(lines)


def member(cases, name):
    """The member of an enumeration by its name in the interface: `same-bytes`."""
    return cases[name.upper().replace("-", "_")]
