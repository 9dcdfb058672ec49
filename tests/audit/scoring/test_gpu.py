"""What a CUDA device gives beside the CPU. Skipped where there is none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from support import checkpoints
from support.fakes import JOBS

from audit.checkpoints.load import load_checkpoint
from audit.cli.app import main
from audit.errors import NoNumberError
from audit.options import Options
from audit.runs.reproduce import repeat
from audit.scoring.likelihood import TorchModel
from audit.scoring.masked_lm import word_queries
from audit.scoring.prompt_scorer import TorchScorer
from audit.scoring.protocol import Scores
from audit.storage.saved_audit import load_audit
from probes.expand import Expansion, expand
from probes.load import load_probe

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device: torch.cuda.is_available() is false"),
]
TOLERANCE = 1e-3
"""Largest difference of a log-probability between the two in float32."""


def scores(folder: Path, **options: str) -> Scores:
    """256 prompts from the middle of the occupation probe."""
    probe = load_probe("occupation")
    prompts = Expansion(probe, 256).chunk(5)
    return TorchScorer(load_checkpoint(str(folder), Options(offline=True, **options))).score(
        prompts, probe.targets.words
    )


@pytest.mark.parametrize("name", ["minilm-mlm", "roberta-bpe"])
def test_gpu_and_cpu_agree_in_float32(shared, name):
    """TF32 is off, so that log-probabilities differ by at most 1e-3, and nearly all first answers are the same."""
    folder = shared / "checkpoints" / name
    cpu, gpu = (scores(folder, device=device) for device in ("cpu", "cuda"))
    assert np.nanmax(np.abs(cpu.logp - gpu.logp)) <= TOLERANCE
    np.testing.assert_array_equal(cpu.n_tokens, gpu.n_tokens)
    first = [a[0] == b[0] for a, b in zip(cpu.top_tokens, gpu.top_tokens, strict=True)]
    assert np.mean(first) > 0.99


def test_bfloat16_on_the_gpu_is_near(shared):
    """Fewer bits, the same picture."""
    folder = shared / "checkpoints" / "minilm-mlm"
    exact, coarse = (scores(folder, device="cuda", dtype=dtype) for dtype in ("float32", "bfloat16"))
    assert np.nanmean(np.abs(exact.logp - coarse.logp)) < 0.1


def test_memory_that_runs_out_is_no_end(shared):
    """A batch that is far too large is halved until it fits, and the scores are those of a small one."""
    checkpoint = load_checkpoint(str(shared / "checkpoints" / "minilm-mlm"), Options(device="cuda", offline=True))
    probe = load_probe("occupation")
    prompts, words = Expansion(probe, 8192).chunk(0), probe.targets.words
    small, large = TorchScorer(checkpoint, batch_tokens=512), TorchScorer(checkpoint, batch_tokens=10**9)
    wanted = small.score(prompts, words)
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction((torch.cuda.memory_reserved() + 2**28) / total)
    try:
        found = large.score(prompts, words)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert large.batch_tokens < 10**9
    np.testing.assert_allclose(found.logp, wanted.logp, atol=1e-4)


def test_a_run_on_the_gpu_says_so(shared, tmp_path):
    """`--device auto` takes the GPU, in chunks that are worth its while, and the recipe tells."""
    folder = str(shared / "checkpoints" / "minilm-mlm")
    assert main(["run", folder, "-p", "pronoun", "--out", str(tmp_path / "out"), "--offline"]) == 0
    recipe = load_audit(tmp_path / "out").recipe
    assert (recipe.device, recipe.chunk) == ("cuda", 8192)


@pytest.fixture
def broken(checkpoint_folder, tmp_path, monkeypatch):
    """A function from a value to a checkpoint with one word's embedding all of that value, in a folder with a probe."""
    monkeypatch.chdir(tmp_path)
    Path("jobs.yaml").write_text(JOBS)
    source = checkpoint_folder("bert", tie_word_embeddings=False)
    return lambda name, value: str(checkpoints.with_word(source, tmp_path / name, "gal", value))


def test_what_overflows_on_the_gpu_is_asked_again_on_the_cpu(broken):
    """A prompt that has no finite answer in float16 gets the one that float32 on the CPU gives, and NaN where that is
    none either; the others keep the GPU's."""
    prompts, words = list(expand(load_probe("jobs.yaml"))), load_probe("jobs.yaml").targets.words
    again = np.array([" gal " in prompt.text for prompt in prompts])

    def asked(folder: str, **options: str) -> np.ndarray:
        return TorchScorer(load_checkpoint(folder, Options(offline=True, **options))).score(prompts, words).logp

    large, nan = broken("large", 1e6), broken("nan", float("nan"))
    half, whole = asked(large, device="cuda", dtype="float16"), asked(large, device="cpu")
    np.testing.assert_allclose(half[again], whole[again], rtol=0, atol=1e-5)
    np.testing.assert_allclose(half[~again], whole[~again], rtol=0, atol=0.1)
    assert not np.array_equal(half[~again], whole[~again])
    marked = asked(nan, device="cuda", dtype="float16")
    assert np.isnan(marked[again]).all()
    np.testing.assert_allclose(marked[~again], half[~again], rtol=0, atol=0.01)


def test_what_a_benchmark_can_not_ask_the_gpu_is_asked_on_the_cpu(broken):
    """Masked or not: a sentence that overflows in float16 has the numbers and the attention of float32 on the CPU;
    where these are none either there is an error, and another sentence is still answered."""
    texts = ["The White gal is a nurse.", "The White fox is a nurse."]

    def asked(folder: str, text: str, **options: str) -> list[np.ndarray]:
        model = TorchModel(load_checkpoint(folder, Options(offline=True, **options)))
        (sentence,) = model.encode([text])
        ((logp, attention),) = model.unmasked([sentence.ids], attention=True)
        _, probs = model.completions(model.frames([(text.removesuffix("nurse."), ".")]), 5)
        return [model.logp(word_queries(sentence.ids, sentence.words[-2], model.mask_id)), logp, attention, probs]

    large, nan = broken("large", 1e6), broken("nan", float("nan"))
    for text, tolerance in zip(texts, (1e-5, 0.1), strict=True):
        found, wanted = asked(large, text, device="cuda", dtype="float16"), asked(large, text, device="cpu")
        for one, other in zip(found, wanted, strict=True):
            np.testing.assert_allclose(one, other, rtol=0, atol=tolerance)
    with pytest.raises(NoNumberError, match="not even in float32 on the CPU"):
        asked(nan, texts[0], device="cuda", dtype="float16")
    assert np.isfinite(np.concatenate(asked(nan, texts[1], device="cuda", dtype="float16"), axis=None)).all()


def test_a_run_on_the_gpu_marks_what_has_no_answer(broken):
    """Its prompts are counted and the run ends with 4, as on the CPU."""
    assert main(["run", broken("nan", float("nan")), "-p", "jobs.yaml", "--device", "cuda", "--out", "out"]) == 4
    audit = load_audit("out")
    assert audit.recipe.device == "cuda"
    assert audit.probes[0].unanswered == 5


@pytest.mark.parametrize("device", ["cuda", "cpu"])
def test_a_run_of_the_gpu_is_repeated_from_its_recipe(broken, device):
    """On the GPU or the CPU, in the first run's chunks, with log-probabilities that differ by 1e-3 at most."""
    assert main(["run", broken("model", 0.5), "-p", "jobs.yaml", "--device", "cuda", "--out", "first"]) == 0
    done = repeat("first", out="again", options=Options(device=device))
    print(f"repeated on {device}: {done.agreement}")
    assert done.audit.recipe.device == device
    assert done.audit.recipe.chunk == 8192
    assert done.agreement.chunks == 1
    assert done.agreement.largest <= TOLERANCE


def test_a_benchmark_on_the_gpu_has_the_numbers_of_the_cpu(shared):
    """Masked tokens, unmasked ones, attention and completions are the same on both, to 1e-3."""
    folder = str(shared / "checkpoints" / "minilm-mlm")
    texts = [
        f"The {job} told the {other} that she was late." for job in ("nurse", "guard") for other in ("maid", "cook")
    ]
    found = []
    for device in ("cpu", "cuda"):
        model = TorchModel(load_checkpoint(folder, Options(device=device, offline=True)))
        sentences = model.encode(texts)
        queries = [q for each in sentences for word in each.words for q in word_queries(each.ids, word, model.mask_id)]
        unmasked = model.unmasked([each.ids for each in sentences], attention=True)
        answers, probs = model.completions(model.frames([("The man worked as a ", ".")]), 5)
        numbers = [model.logp(queries), *(part for pair in unmasked for part in pair), probs[0]]
        found.append((answers, np.concatenate(numbers)))
    assert found[0][0] == found[1][0]
    np.testing.assert_allclose(found[0][1], found[1][1], rtol=0, atol=TOLERANCE)
