"""Numbers as text: only significant digits, and no positive number shown as 0."""

MANY_UNITS = 100  # from here on decimals are noise
FEW_UNITS = 1  # up to here a second decimal is needed


def decimals_for(largest: float) -> int:
    """Return the number of decimals for numbers up to this one."""
    if largest >= MANY_UNITS:
        return 0
    return 1 if largest >= FEW_UNITS else 2


def units(number: float, decimals: int) -> str:
    """Format units; a positive number that would be shown as 0 becomes `<0.01`."""
    return _signed(number, f"{abs(number):,.{decimals}f}", decimals)


def percent(share: float) -> str:
    """Format a share as a percentage."""
    return _signed(share, f"{abs(share) * 100:,.1f}", 1) + " %"


def days(count: int) -> str:
    """Format a number of days."""
    return "1 day" if count == 1 else f"{count:,} days"


def _signed(number: float, shown: str, decimals: int) -> str:
    if number and not shown.strip("0.,"):
        least = f"{10.0**-decimals:.{decimals}f}"
        return f"<{least}" if number > 0 else f">-{least}"
    return shown if number >= 0 else f"-{shown}"
