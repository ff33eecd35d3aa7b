"""The command `pumpsim patient`: its options, and what is wrong with them.

Refuses to draw an order that the rules do not let through as if they did. Imports stay inside, for numpy and
matplotlib are slow to load and come with the extra `rig`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simulator.failure import USAGE, Failure

if TYPE_CHECKING:
    from pumpctl.core.order import Order
    from simulator.patient.model import Patient
    from simulator.rig.virtual_patient.prescribed import Prescribed
    from simulator.rig.virtual_patient.telling import Run

MIN_CLEARANCE_ML_MIN, MAX_CLEARANCE_ML_MIN = 5, 250
MIN_CROWD = 20  # fewer have no 5th and 95th percentile
MAX_SEED = (1 << 63) - 1


def patient(  # noqa: PLR0913, PLR0917 - Typer's options are parameters
    order: Annotated[Path, typer.Option(help="An order, JSON, TOML or FHIR.")],
    days: Annotated[int, typer.Option(help="How long to look, from the first infusion on.")] = 7,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="The picture to write, a .png.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
    patient: Annotated[str, typer.Option(help="healthy or wasting.")] = "wasting",
    crcl: Annotated[int, typer.Option(help="The virtual patient's creatinine clearance, mL/min.")] = 100,
    population: Annotated[int, typer.Option(help="Draw so many differing people, too.")] = 0,
    seed: Annotated[int, typer.Option(help="Of the population.")] = 1,
    at: Annotated[str | None, typer.Option(help="Time of judgement; default: the first infusion is due.")] = None,
    even_if_refused: Annotated[bool, typer.Option("--even-if-refused", help="Show what the rules prevent.")] = False,
) -> None:
    """Give an order's infusions to the virtual patient: serum magnesium over days. It never decides a dose."""
    _need_the_extra()
    from simulator.patient.course import MAX_DAYS, MAX_PEOPLE  # noqa: PLC0415

    _in_range("--days", days, 1, MAX_DAYS)
    _in_range("--crcl", crcl, MIN_CLEARANCE_ML_MIN, MAX_CLEARANCE_ML_MIN)
    _in_range("--seed", seed, 0, MAX_SEED)
    if population:
        _in_range("--population", population, MIN_CROWD, MAX_PEOPLE)
    if output is not None and output.suffix != ".png":
        raise Failure(USAGE, f"-o {output}: the picture is a .png")
    kind = _kind(patient)
    given = _given(order, at, as_json=as_json, even_if_refused=even_if_refused)
    run = _run(given, kind, crcl, days, (population, seed))
    if output is not None:
        _draw(output, run)
    _tell(run, output, as_json=as_json)


def _need_the_extra() -> None:
    from importlib.util import find_spec  # noqa: PLC0415

    missing = [name for name in ("numpy", "matplotlib") if find_spec(name) is None]
    if missing:
        raise Failure(USAGE, f"pumpsim patient needs {' and '.join(missing)}; install pumpctl with the extra rig")


def _kind(name: str) -> Patient:
    from simulator.patient.model import Patient  # noqa: PLC0415

    if name not in {kind.value for kind in Patient}:
        raise Failure(USAGE, f"--patient {name}: not known; there are {', '.join(kind.value for kind in Patient)}")
    return Patient(name)


def _given(path: Path, at: str | None, *, as_json: bool, even_if_refused: bool) -> Prescribed:
    """The order's doses, if the rules let them be given or the person wants to see them all the same."""
    from pumpctl.cli import findings  # noqa: PLC0415
    from pumpctl.cli.failure import ExitCode  # noqa: PLC0415
    from simulator.rig.virtual_patient.prescribed import findings_against, prescribed  # noqa: PLC0415

    order, at_utc_ms = _read(path, at)
    given = prescribed(order, findings.load_library(None), at_utc_ms)
    code, ids = findings.exit_code(given.verdict), ", ".join(findings_against(given.verdict))
    if code is not ExitCode.OK and not even_if_refused:
        if as_json:
            findings.print_json(findings.verdict_json(given.verdict))
        lacks = "needs an override of" if code is ExitCode.NEEDS_OVERRIDE else "is refused by"
        raise Failure(code, f"{path}: the order {lacks} {ids}; --even-if-refused draws it all the same")
    if not given.doses:
        raise Failure(ExitCode.REFUSED, f"{path}: when, how much or how fast cannot be read ({ids}); nothing to draw")
    return given


def _read(path: Path, at: str | None) -> tuple[Order, int | None]:
    from pumpctl.cli import findings  # noqa: PLC0415
    from pumpctl.cli.failure import Failure as OrderFailure  # noqa: PLC0415

    try:
        return findings.read_order(path), None if at is None else findings.instant_of(at)
    except OrderFailure as failure:
        raise Failure(failure.exit_code, str(failure)) from None


def _run(given: Prescribed, kind: Patient, crcl: int, days: int, population: tuple[int, int]) -> Run:
    from simulator.patient.course import HOURS_PER_DAY, simulate  # noqa: PLC0415
    from simulator.patient.model import PHYSIOLOGIES, typical  # noqa: PLC0415
    from simulator.patient.population import follow  # noqa: PLC0415
    from simulator.rig.virtual_patient.telling import Run  # noqa: PLC0415

    physiology, until_h, (size, seed) = PHYSIOLOGIES[kind], float(days * HOURS_PER_DAY), population
    course = simulate(typical(physiology, crcl), given.doses, until_h)
    crowd = follow(physiology, crcl, given.doses, until_h, size=size, seed=seed) if size else None
    return Run(given, kind, crcl, days, course, crowd)


def _draw(output: Path, run: Run) -> None:
    from simulator.patient.picture import draw  # noqa: PLC0415
    from simulator.rig.virtual_patient.telling import caption  # noqa: PLC0415

    try:
        draw(output, caption(run), run.course, run.given.doses, run.crowd)
    except OSError as error:
        raise Failure(USAGE, f"{output}: {error.strerror}; name a file that can be written") from None


def _tell(run: Run, output: Path | None, *, as_json: bool) -> None:
    from simulator.rig.virtual_patient import telling  # noqa: PLC0415

    file = None if output is None else str(output)
    typer.echo(json.dumps(telling.as_json(run, file)) if as_json else "\n".join(telling.as_text(run, file)))


def _in_range(option: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise Failure(USAGE, f"{option} {value}: not from {least} to {most}")
