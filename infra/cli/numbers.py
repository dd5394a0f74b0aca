"""Numbers as a person reads them: as many digits as mean something, and never a false zero."""

MANY_UNITS = 100  # that make decimals noise
FEW_UNITS = 1  # that need a second decimal


def decimals_for(largest: float) -> int:
    """With how many decimals numbers up to this one are shown."""
    if largest >= MANY_UNITS:
        return 0
    return 1 if largest >= FEW_UNITS else 2


def units(number: float, decimals: int) -> str:
    """A number of units; what is more than nothing and less than is shown, as `<0.01`."""
    return _signed(number, f"{abs(number):,.{decimals}f}", decimals)


def percent(share: float) -> str:
    """A share as a percentage."""
    return _signed(share, f"{abs(share) * 100:,.1f}", 1) + " %"


def days(count: int) -> str:
    """A number of days, in words."""
    return "1 day" if count == 1 else f"{count:,} days"


def _signed(number: float, shown: str, decimals: int) -> str:
    if number and not shown.strip("0.,"):
        least = f"{10.0**-decimals:.{decimals}f}"
        return f"<{least}" if number > 0 else f">-{least}"
    return shown if number >= 0 else f"-{shown}"
