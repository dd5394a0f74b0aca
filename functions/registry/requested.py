"""What a request to promote or roll back asks for, as things stand. Pure."""

from collections.abc import Mapping, Sequence

from events.errors import Refusal
from events.payloads import PromotionRequested
from events.wording import shown
from functions.registry.champion import Contender
from functions.registry.places import CHALLENGER, PREVIOUS, Places
from functions.storage import Series

MAX_NAMED = 5  # series in a message


def champions_to_be(
    request: PromotionRequested,
    series: Sequence[Series],
    named: Mapping[Series, Contender],
    places: Places,
) -> dict[Series, Contender]:
    """The model that is to be champion of each series.

    `series` are the request's, or for a run those it concerns; `named` are the models that
    the request names by version, id or run. A run's rollback leaves out series whose
    champion replaced nobody. Refusal if a series has no model to be its champion.
    """
    if request.action == "promote" and request.run_id is not None:
        if not named:
            raise Refusal(
                "run_id",
                f"no model of run {request.run_id!r} is stored",
                shown(request.run_id),
                "see GET /runs",
            )
        return dict(named)
    if request.version is not None or request.model_id is not None:
        if not named:
            raise _no_such_model(request)
        return dict(named)
    place = CHALLENGER if request.action == "promote" else PREVIOUS
    found = {each: places.of(each)[place] for each in series if place in places.of(each)}
    if request.run_id is not None:
        if not found:
            raise Refusal(
                "run_id",
                f"no champion that replaced another is of run {request.run_id!r}",
                shown(request.run_id),
                "see GET /runs",
            )
        return found
    if missing := [each for each in series if each not in found]:
        raise _nobody_there(request.action, missing)
    return found


def _no_such_model(request: PromotionRequested) -> Refusal:
    if request.version is not None:
        return Refusal(
            "version",
            f"{request.key} has no version {request.version}",
            shown(request.version),
            "see GET /models of it",
        )
    return Refusal(
        "model_id",
        f"{request.model_id!r} is no model of {request.key}",
        shown(request.model_id),
        "see GET /models of it",
    )


def _nobody_there(action: str, missing: Sequence[Series]) -> Refusal:
    names = ", ".join(f"{store}/{product}" for store, product in missing[:MAX_NAMED])
    more = f" and {len(missing) - MAX_NAMED:,} more" if len(missing) > MAX_NAMED else ""
    who = f"{names}{more} {'has' if len(missing) == 1 else 'have'} no"
    first = shown("/".join(missing[0]))
    if action == "promote":
        fix = "name a version, see GET /models of it"
        return Refusal("series", f"{who} challenger", first, fix)
    what = f"{who} champion that replaced another"
    return Refusal("series", what, first, "see GET /models of it")
