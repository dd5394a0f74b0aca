"""Choose the models that become champion, by verdict or on request. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from events.envelope import Event
from events.errors import Refusal
from events.payloads import ModelTrained, PromotionRequested
from events.wording import shown
from functions.records import Candidate, Series, Verdict
from functions.registry.aliases import CHALLENGER, CHAMPION, PREVIOUS, Aliases, Cause
from functions.registry.policy import choose_champion

BY_ITSELF = "registry"
MAX_NAMED = 5  # series in a message


def verdicts(
    trained: Sequence[Event[ModelTrained]], requested_at: Mapping[str, datetime], aliases: Aliases
) -> dict[str, Verdict]:
    """Decide on each new model and assign its alias; return the verdicts by model id.

    `requested_at` is when each run was requested. The newest model of a series is decided first,
    so that a batch promotes at most one model per series. Raise Refusal for a model whose run is
    not in `requested_at`.
    """
    models = {event.data.model_id: event.data for event in trained}
    candidates = {model_id: candidate_of(model, requested_at) for model_id, model in models.items()}
    decided = {}
    for model_id in sorted(models, key=lambda i: candidates[i].age, reverse=True):
        model, candidate = models[model_id], candidates[model_id]
        series = (model.store, model.product)
        champion = aliases.of(series).get(CHAMPION)
        verdict = choose_champion(
            model.policy, candidate, champion, model.comparison, model.metrics
        )
        cause = Cause(model_id, BY_ITSELF, verdict.reason)
        if verdict.promote:
            aliases.promote(series, candidate, cause, model.as_of)
        else:
            aliases.keep(series, candidate, cause)
        decided[model_id] = verdict
    return decided


def candidate_of(model: ModelTrained, requested_at: Mapping[str, datetime]) -> Candidate:
    """Return the model as a candidate; raise Refusal if its run is not in `requested_at`."""
    if model.run_id not in requested_at:
        raise Refusal(
            "run_id",
            f"no run {model.run_id!r} is planned, but model {model.model_id!r} of {model.key} "
            "names it",
            shown(model.run_id),
            "see GET /runs",
        )
    return Candidate(
        model.model_id,
        model.data_through,
        requested_at[model.run_id],
        model.chosen or model.strategy,
    )


def champions_to_be(
    request: PromotionRequested,
    series: Sequence[Series],
    named: Mapping[Series, Candidate],
    aliases: Aliases,
) -> dict[Series, Candidate]:
    """Return the model that becomes champion of each series.

    `series` are those of the request or of its run; `named` are the models that the request names
    by version, id or run. The rollback of a run skips series without a previous champion. Raise
    Refusal if there is no model to promote.
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
    alias = CHALLENGER if request.action == "promote" else PREVIOUS
    found = {each: aliases.of(each)[alias] for each in series if alias in aliases.of(each)}
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
        f"{request.model_id!r} is not a model of {request.key}",
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
