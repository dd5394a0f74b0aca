"""Names on a command line: a store may be called `-5`, which is not an option."""

import re
from typing import Any

from typer.core import TyperCommand

NUMBER_LIKE = re.compile(r"-[0-9]")


class TakesNames(TyperCommand):
    """A command whose arguments are names; a word like a negative number is a name."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Other words with a dash stay options, so a misspelt option is still reported."""
        if any(NUMBER_LIKE.match(each) for each in args):
            ctx.ignore_unknown_options = True
        return super().parse_args(ctx, args)
