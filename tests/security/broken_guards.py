"""Does each promise's test see its guard broken? `python tests/security/broken_guards.py [WORD...]` breaks them in turn
(those with a word in their promise, file or test), in a copy of the repository, and runs the test that must fail then.

Exit 1 where one still passes. What the guards are is listed here; that each stands where it is said is tested.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

ROOT = Path(__file__).parents[2]
AT_ONCE = 2


@dataclass(frozen=True)
class Guard:
    """A line that keeps a promise, what it is broken to, and the test that must fail then."""

    promise: int
    file: str
    line: str
    broken: str
    test: str


def _of(promise: int, name: str) -> str:
    files = {
        1: "test_promise_1_no_code",
        2: "test_promise_2_never_a_wrong_number",
        3: "test_promise_3_strangers_files",
        4: "test_promise_4_names_stay_text",
        5: "test_promise_5_whole_or_resumable",
        6: "test_promise_6_repeatable",
        7: "test_promise_7_no_network",
        8: "test_promise_8_nothing_private",
    }
    return f"tests/security/{files[promise]}.py::test_promise_{promise}_{name}"


FORGED = _of(2, "scores_that_no_run_wrote_are_refused")
SHAPES = _of(2, "answers_of_the_wrong_shape_or_size_are_not_kept")
GIVEN = _of(8, "a_path_that_was_given_is_in_the_command_alone")
CODE = _of(1, "code_of_a_checkpoint_is_refused")
MARKED = _of(2, "a_prompt_without_a_finite_answer_is_marked_and_counted")
HASHED = _of(2, "what_is_hashed_is_what_is_loaded")
FORM = _of(3, "a_fault_of_form_has_its_place")
ONE = _of(5, "one_process_at_a_time")
LARGE = _of(3, "large_files_neither_hang_nor_bloat")

GUARDS = (
    Guard(1, "audit/checkpoints/hub.py", "if not known and not self.options.trust_remote_code:", "if False:", CODE),
    Guard(1, "audit/checkpoints/hub.py", "if not safe and not self.options.allow_pickle:", "if False:", CODE),
    Guard(
        1,
        "audit/checkpoints/hub.py",
        "if foreign is not None and not self.options.trust_remote_code:",
        "if False:",
        CODE,
    ),
    Guard(1, "audit/checkpoints/hub.py", 'if "auto_map" in settings and not known and', "if False and", CODE),
    Guard(1, "audit/checkpoints/hub.py", '"trust_remote_code": code', "", _of(1, "trust_is_always_said")),
    Guard(
        2, "audit/scoring/batching.py", "for row in lost:", "for row in lost[:0]:", _of(2, "what_overflows_in_16_bits")
    ),
    Guard(
        2,
        "audit/scoring/prompt_scorer.py",
        "logp[lost] = top_prob[lost] = np.nan",
        "logp[lost] = top_prob[lost] = 0.0",
        MARKED,
    ),
    Guard(2, "audit/runs/measuring.py", "lost = scores.unanswered()", "lost: dict[int, int] = {}", MARKED),
    Guard(2, "audit/cli/output.py", "if result.unanswered:", "if False:", MARKED),
    Guard(2, "audit/policy/metrics.py", "if probe.unanswered:", "if False:", _of(2, "a_policy_does_not_pass")),
    Guard(2, "audit/scoring/likelihood.py", "if missing.any():", "if False:", _of(2, "a_row_of_a_benchmark")),
    Guard(2, "audit/storage/score_chunks.py", "if fault := _fault(probe, places, found):", "if False:", FORGED),
    Guard(2, "audit/runs/chunks.py", "if fault := scores.fault(", "if False and scores.fault(", SHAPES),
    Guard(
        2,
        "audit/checkpoints/weights.py",
        'missing = sorted(report["missing_keys"])',
        "missing: list[str] = []",
        _of(2, "no_number_from_a_head"),
    ),
    Guard(
        2,
        "audit/checkpoints/weights.py",
        'if more := _unloaded_layers(model, report["unexpected_keys"]):',
        'if more := _unloaded_layers(model, report["unexpected_keys"])[:0]:',
        _of(2, "no_number_from_a_part_of_the_layers"),
    ),
    Guard(
        2,
        "audit/checkpoints/fingerprints.py",
        "if odd is not None and odd.is_symlink():",
        "if False:",
        _of(2, "a_damaged_file_of_the_hub"),
    ),
    Guard(2, "audit/checkpoints/fingerprints.py", "if odd or not names:", "if False:", HASHED),
    Guard(2, "audit/checkpoints/fingerprints.py", 'if (folder / "adapter_config.json").exists():', "if False:", HASHED),
    Guard(2, "audit/checkpoints/hub.py", 'if config.get("quantization_config") is not None:', "if False:", HASHED),
    Guard(
        2,
        "audit/storage/run_folder.py",
        "elif recipe_id(found) != recipe_id(recipe):",
        "elif False:",
        _of(2, "another_models"),
    ),
    Guard(3, "probes/yamltext.py", "MAX_DEPTH = 50", "MAX_DEPTH = 10**9", LARGE),
    Guard(3, "probes/yamltext.py", "MAX_NODES = 30_000", "MAX_NODES = 10**9", LARGE),
    Guard(3, "probes/yamltext.py", "_LONG = 100", "_LONG = 10**9", LARGE),
    Guard(3, "probes/yamltext.py", "if event.tag not in (None, ", "if event.tag in (0, ", FORM),
    Guard(3, "probes/yamltext.py", "if self.documents == 2:", "if False:", FORM),
    Guard(3, "probes/yamltext.py", "elif key in data:", "elif False:", FORM),
    Guard(3, "probes/yamltext.py", "if CONTROL.search(node.value):", "if False:", FORM),
    Guard(3, "probes/faults.py", "itertools.islice(faults, MAX_FAULTS)", "faults", LARGE),
    Guard(3, "probes/faults.py", '"what", short(self.what)', '"what", self.what', LARGE),
    Guard(3, "probes/table.py", "if cells and len(rows) == most_rows:", "if False:", LARGE),
    Guard(3, "probes/lexicon.py", 're.fullmatch("[0-9]{4}", cell)', "cell.isdigit()", LARGE),
    Guard(3, "probes/check.py", "if rules and crossed > MAX_COMBINATIONS:", "if False:", LARGE),
    Guard(3, "probes/load.py", "if not _beside(path, folder):", "if False:", FORM),
    Guard(
        4,
        "audit/storage/serialization.py",
        "return _FORMULA.sub(r",
        "return str.strip(cell) or (r",
        _of(4, "no_cell_is_a_formula"),
    ),
    Guard(4, "probes/faults.py", "UNSAFE.sub(", "re.compile('$^').sub(", _of(4, "no_line_is_obeyed")),
    Guard(4, "probes/faults.py", "return _COMMANDS.sub(", "return re.compile('$^').sub(", _of(4, "no_line_is_obeyed")),
    Guard(
        4,
        "audit/cli/console.py",
        "print(printable(text), file=sys.stderr)",
        "print(text, file=sys.stderr)",
        _of(4, "a_name_in_an_error"),
    ),
    Guard(
        4,
        "audit/runs/recipe.py",
        're.sub(r"[^\\w.-]+", "-", name',
        're.sub(r"^$", "-", name',
        _of(4, "a_folder_is_a_name"),
    ),
    Guard(
        4,
        "audit/policy/formats.py",
        "return _MARKUP.sub(_entity, plain(text))",
        "return plain(text)",
        _of(4, "a_verdict_is_text"),
    ),
    Guard(4, "reports/html.py", "autoescape=True", "autoescape=False", "tests/reports/audit_page/test_page.py"),
    Guard(
        5,
        "audit/storage/run_folder.py",
        "if hashlib.sha256(data).hexdigest() == expected",
        "if expected",
        "tests/audit/storage/test_faults.py",
    ),
    Guard(
        5,
        "audit/storage/run_folder.py",
        "if scores.is_symlink() or",
        "if False and",
        _of(5, "a_link_to_a_folder_of_scores"),
    ),
    Guard(
        5, "audit/cli/output_files.py", "if not follow and path.is_symlink():", "if False:", _of(5, "a_link_in_place")
    ),
    Guard(
        5,
        "audit/storage/saved_values.py",
        "if path.exists() and not path.is_file():",
        "if False:",
        _of(5, "a_pipe_in_place"),
    ),
    Guard(
        5,
        "audit/storage/result_folder.py",
        "with hold_lock(folder, PATIENCE_SECONDS):\n            clear",
        "if True:\n            clear",
        ONE,
    ),
    Guard(
        5,
        "audit/storage/result_folder.py",
        "clear_temporaries(folder, self.own)",
        "pass",
        _of(5, "what_a_killed_process_left"),
    ),
    Guard(
        5,
        "audit/results/recipe.py",
        "Field(ge=1, le=MAX_CHUNK)",
        "Field()",
        _of(5, "a_recipe_of"),
    ),
    Guard(5, "audit/storage/result_folder.py", "self.check(found)", "pass", _of(5, "a_result_that_none_can_be")),
    Guard(5, "audit/storage/run_folder.py", "check_competence(found)", "pass", _of(5, "what_stands_beside")),
    Guard(
        5,
        "audit/runs/precision_check.py",
        "if any(each.shared > each.prompts or each.largest_logp > each.total_logp + 1e-9 for each in samples):",
        "if False:",
        _of(5, "what_stands_beside"),
    ),
    Guard(5, "audit/storage/atomic.py", "os.fsync(file.fileno())", "pass", _of(5, "a_result_is_whole")),
    Guard(
        6,
        "audit/runs/reproduce.py",
        "_check_checkpoint(place, wanted, recipe, progress)",
        "pass",
        _of(6, "another_checkpoint_is_not_taken"),
    ),
    Guard(
        6,
        "audit/runs/recipe.py",
        "replace(source, own_words=probe.targets.words)",
        "source",
        _of(6, "a_recipe_is_enough"),
    ),
    Guard(
        7,
        "audit/checkpoints/load.py",
        "find_source(name, options)",
        "find_source(name, Options())",
        _of(7, "offline_never_asks"),
    ),
    Guard(
        7, "audit/runs/reproduce.py", "replace(settings, offline=True)", "settings", _of(7, "what_only_a_recipe_names")
    ),
    Guard(
        6, "audit/runs/reproduce.py", "and _is_own_command(wanted.command, settings)", "", _of(6, "a_strangers_command")
    ),
    Guard(
        3, "reports/model_card/front_matter.py", "if len(text) > LONGEST:", "if False:", _of(3, "front_matter_is_read")
    ),
    Guard(3, "probes/load.py", "(path.is_file() or not path.exists())", "True", _of(3, "a_word_list_is_a_file")),
    Guard(7, "audit/checkpoints/load.py", "with without_hub():", "if True:", _of(7, "a_config_that_names_the_hub")),
    Guard(
        8,
        "audit/storage/redaction.py",
        'return _SECRETS.sub("***", text)',
        "return text",
        _of(8, "secrets_in_a_command"),
    ),
    Guard(
        8,
        "audit/checkpoints/hub.py",
        "return Path(self.name).resolve().name if",
        "return self.name if",
        _of(8, "a_path_that_was"),
    ),
)


def seen(guard: Guard, copy: Path) -> bool:
    """Whether the test fails once the guard is broken in the copy, which is whole again then."""
    file = copy / guard.file
    whole = file.read_text("utf-8")
    assert whole.count(guard.line) == 1, f"{guard.file}: not there once: {guard.line}"
    file.write_text(whole.replace(guard.line, guard.broken), "utf-8")
    tests, _, name = guard.test.partition("::")
    chosen = ["-k", name] if name else []
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-n", "0", "-p", "no:cacheprovider", tests, *chosen]
    try:
        ran = subprocess.run(
            command, cwd=copy, capture_output=True, timeout=300, env={**os.environ, "PYTHONPATH": str(copy)}
        )
    except subprocess.TimeoutExpired:
        return True  # it hangs, which is what the guard is against
    finally:
        file.write_text(whole, "utf-8")
    return ran.returncode == 1


def main(words: list[str]) -> int:
    """Break them; 1 where a test didn't see it."""
    chosen = [guard for guard in GUARDS if not words or any(word in f"{guard}" for word in words)]
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    with tempfile.TemporaryDirectory() as place:
        copies: SimpleQueue[Path] = SimpleQueue()
        for n in range(AT_ONCE):
            copy = Path(place, str(n))
            for name in tracked.stdout.splitlines():
                (copy / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, copy / name)
            copies.put(copy)

        def broken(guard: Guard) -> bool:
            copy = copies.get()
            found = seen(guard, copy)
            copies.put(copy)
            told = "seen  " if found else "UNSEEN"
            print(f"{told} {guard.promise} {guard.file}: {guard.line}", flush=True)
            return found

        with ThreadPoolExecutor(AT_ONCE) as pool:
            results = list(pool.map(broken, chosen))
    print(f"{sum(results)} of {len(results)} broken guards were seen by their tests")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
