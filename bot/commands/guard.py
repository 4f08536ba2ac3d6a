"""How a command ends when its input, its configuration or the database cannot be used: said once, exit 2."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec

from bot.commands.output import configure_logs, print_lines
from bot.config import ConfigError
from storage.errors import StorageError

P = ParamSpec("P")


class BadInput(Exception):
    """What a person typed cannot be used; the message says what is allowed."""


def guarded(command: Callable[P, int]) -> Callable[P, int]:
    """Turn what the person at the keyboard can mend into words on stderr and exit 2; the rest goes on upwards."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> int:
        configure_logs()
        try:
            return command(*args, **kwargs)
        except ConfigError as error:
            print_lines(str(problem) for problem in error.problems)
        except StorageError as error:
            print_lines([f"{error.where}: {error.what}. {error.fix}".replace("..", ".")])
        except BadInput as error:
            print_lines([str(error)])
        return 2

    return run
