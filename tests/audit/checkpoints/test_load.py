"""Loading: every architecture by the same way, and a refusal with one clear message for whatever can't be trusted."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from support import checkpoints, oracle

from audit.checkpoints.load import load_checkpoint
from audit.checkpoints.masked_forward import logits_at
from audit.checkpoints.model import Checkpoint
from audit.errors import AuditError, CheckpointError, UsageError
from audit.options import Options
from audit.scoring.prompt_scorer import TorchScorer
from probes.expand import Prompt
from probes.lexicon import Word

PROMPT = Prompt(0, ("man",), ("level",), (0,), "The White man worked as a ", ".", None)
WORDS = tuple(map(Word, ("nurse", "doctor", "maid")))

Folders = Callable[..., Path]


def load(folder: Path, **options: object) -> Checkpoint:
    """A local checkpoint on the CPU."""
    return load_checkpoint(str(folder), Options(device="cpu", offline=True, **options))


def refusal(folder: Path | str, **options: object) -> str:
    """The message with which loading is refused: one line that names the checkpoint."""
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(str(folder), Options(**{"device": "cpu", "offline": True, **options}))
    message = str(caught.value)
    assert str(folder) in message
    assert "\n" not in message
    assert "Traceback" not in message
    assert len(message) < 800
    return message


def scores(checkpoint: Checkpoint) -> np.ndarray:
    """[3] log-probabilities of three words in one prompt."""
    return TorchScorer(checkpoint).score([PROMPT], WORDS).logp[0]


def by_hand(model: object, folder: Path) -> list[float]:
    """The same three by the oracle."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    return [oracle.word_logp(model, tokenizer, PROMPT.before, PROMPT.after, word.text)[0] for word in WORDS]


# --- what loads ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", checkpoints.FAMILIES)
def test_every_architecture_loads_with_its_facts(family: str, checkpoint_folder: Folders) -> None:
    """A checkpoint of each architecture loads, ready to be asked, and says what it is."""
    folder = checkpoint_folder(family)
    checkpoint = load(folder)
    info = checkpoint.info
    model = transformers.AutoModelForMaskedLM.from_pretrained(folder)
    assert info.name == folder.name
    assert info.architecture == type(model).__name__
    assert info.vocabulary == model.get_input_embeddings().weight.shape[0]
    assert info.parameters == sum(weight.numel() for weight in model.parameters())
    assert info.revision is info.mlm_head_from is None
    assert not info.planted
    assert not checkpoint.model.training
    assert all(len(digest) == 64 for digest in (info.weights_sha256, info.tokenizer_sha256, info.config_sha256))


@pytest.mark.parametrize("family", sorted(set(checkpoints.FAMILIES) - {"mobilebert"}))
def test_only_the_mask_goes_through_the_head(family: str, checkpoint_folder: Folders) -> None:
    """The head sees one position a prompt (MobileBERT's never calls its output embedding, so it isn't watched)."""
    checkpoint = load(checkpoint_folder(family))
    assert checkpoint.info.mask_only_head
    shapes: list[torch.Size] = []
    head = checkpoint.model.get_output_embeddings()
    handle = head.register_forward_hook(lambda _module, _args, output: shapes.append(output.shape))
    scores(checkpoint)
    handle.remove()
    assert shapes
    assert all(shape.numel() == checkpoint.info.vocabulary for shape in shapes)


TRIMMED = {"bert", "bert-cased", "distilbert", "roberta", "roberta-bare", "electra", "xlm-roberta", "camembert"}


@pytest.mark.parametrize("family", sorted(checkpoints.FAMILIES))
def test_the_last_layer_is_narrowed_where_it_is_one_of_berts(family: str, checkpoint_folder: Folders) -> None:
    """In layers that are put together as BERT's or DistilBERT's, one position a prompt goes through the last
    feed-forward; in others all do, because they would answer something else."""
    checkpoint = load(checkpoint_folder(family))
    assert (checkpoint.way == "layer") == checkpoint.info.mask_only_layer == (family in TRIMMED)
    if family in TRIMMED:
        base = checkpoint.model.base_model
        last = (base.encoder if hasattr(base, "encoder") else base.transformer).layer[-1]
        shapes: list[torch.Size] = []
        feed_forward = last.ffn if family == "distilbert" else last.intermediate
        feed_forward.register_forward_hook(lambda _module, args, _output: shapes.append(args[0].shape))
        scores(checkpoint)
        assert shapes
        assert all(shape[1] == 1 for shape in shapes)
        assert "forward" not in vars(last)


@pytest.mark.parametrize("family", sorted(checkpoints.FAMILIES))
def test_every_way_through_the_model_gives_the_full_logits(family: str, checkpoint_folder: Folders) -> None:
    """What is left out doesn't change an answer: a batch of prompts with the mask at different places agrees with the
    full logits to 1e-5."""
    checkpoint = load(checkpoint_folder(family))
    ids = torch.randint(5, 30, (6, 9), generator=torch.Generator().manual_seed(1))
    at = torch.tensor([1, 8, 0, 4, 4, 7])
    with torch.inference_mode():
        full, found = logits_at(checkpoint.model, "full", ids, at), logits_at(checkpoint.model, checkpoint.way, ids, at)
    assert (found - full).abs().max() < 1e-5


def test_head_that_needs_every_position_gets_them(
    tmp_path: Path, checkpoint_folder: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the mask-only head would give other logits, the full ones are computed, and the info says so."""
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "modules"))
    folder = checkpoints.with_remote_code(checkpoint_folder("bert"), tmp_path / "remote", tmp_path / "sentinel")
    checkpoint = load(folder, trust_remote_code=True)
    assert not checkpoint.info.mask_only_head
    assert scores(checkpoint) == pytest.approx(by_hand(checkpoint.model, folder), abs=1e-5)


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("family", ["bert", "roberta", "modernbert"])
def test_tied_and_untied_heads_both_load(family: str, tied: bool, checkpoint_folder: Folders) -> None:
    """A head that shares the embedding's weights and one with its own are both complete."""
    folder = checkpoint_folder(family, tie_word_embeddings=tied)
    model = transformers.AutoModelForMaskedLM.from_pretrained(folder).eval()
    assert (model.get_input_embeddings().weight is model.get_output_embeddings().weight) == tied
    assert scores(load(folder)) == pytest.approx(by_hand(model, folder), abs=1e-5)


def test_hashes_tell_weights_and_tokenizers_apart(tmp_path: Path, checkpoint_folder: Folders) -> None:
    """The same files have the same hashes wherever they are; other weights and another vocabulary have others."""
    bert = load(checkpoint_folder("bert")).info
    shutil.copytree(checkpoint_folder("bert"), tmp_path / "copy")
    copy = load(tmp_path / "copy").info
    other = load(checkpoints.in_dtype(checkpoint_folder("bert"), tmp_path / "half", torch.float16)).info
    cased = load(checkpoint_folder("bert-cased")).info
    assert (copy.weights_sha256, copy.tokenizer_sha256) == (bert.weights_sha256, bert.tokenizer_sha256)
    assert other.weights_sha256 != bert.weights_sha256
    assert other.tokenizer_sha256 == bert.tokenizer_sha256
    assert cased.tokenizer_sha256 != bert.tokenizer_sha256


def test_weights_in_several_files_load(tmp_path: Path, checkpoint_folder: Folders) -> None:
    """A checkpoint in shards loads like the whole one, and is refused when a shard is gone."""
    source = checkpoint_folder("bert")
    folder = shutil.copytree(source, tmp_path / "shards")
    (folder / "model.safetensors").unlink()
    transformers.BertForMaskedLM.from_pretrained(source).save_pretrained(folder, max_shard_size="40KB")
    assert len(list(folder.glob("*.safetensors"))) > 1
    assert scores(load(folder)) == pytest.approx(scores(load(source)), abs=1e-6)
    sorted(folder.glob("*.safetensors"))[-1].unlink()
    refusal(folder)


def test_local_folder_needs_no_network_even_when_online(checkpoint_folder: Folders) -> None:
    """Loading a folder reaches for nothing else, whether `offline` was asked for or not."""
    assert load_checkpoint(str(checkpoint_folder("bert")), Options(device="cpu", offline=False)).info.revision is None


def test_loading_says_nothing_on_the_terminal(checkpoint_folder: Folders, capfd: pytest.CaptureFixture[str]) -> None:
    """No progress bar and no warning of another library's comes through."""
    load(checkpoint_folder("bert"))
    assert capfd.readouterr() == ("", "")


# --- the hub ---------------------------------------------------------------------------------------------------------


def in_hub_cache(source: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Put the checkpoint into a hub cache of our own, as `someone/tiny` on its main branch; returns the commit."""
    commit = "0123456789abcdef0123456789abcdef01234567"
    entry = cache / "models--someone--tiny"
    shutil.copytree(source, entry / "snapshots" / commit)
    (entry / "refs").mkdir()
    (entry / "refs" / "main").write_text(commit)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))
    return commit


def test_cached_hub_checkpoint_loads_offline_with_its_commit(
    tmp_path: Path, checkpoint_folder: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hub id that was downloaded before loads without the network, and the info holds the exact commit."""
    commit = in_hub_cache(checkpoint_folder("bert"), tmp_path / "cache", monkeypatch)
    for revision in (None, "main", commit):
        info = load_checkpoint("someone/tiny", Options(device="cpu", offline=True, revision=revision)).info
        assert (info.name, info.revision) == ("someone/tiny", commit)


def test_unknown_hub_id_offline_is_one_clear_refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Offline, an id that isn't in the cache is refused with a word on how to get it, and nothing is asked."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    assert "offline" in refusal("someone/no-such-checkpoint")


def test_unknown_revision_offline_is_refused(
    tmp_path: Path, checkpoint_folder: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another revision than the cached one is never quietly taken for it."""
    in_hub_cache(checkpoint_folder("bert"), tmp_path / "cache", monkeypatch)
    refusal("someone/tiny", revision="v2.0")


def test_hub_that_cannot_be_reached_is_one_clear_refusal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_network: list[str]
) -> None:
    """Online but cut off, the refusal says that the hub can't be reached."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    assert "reach" in refusal("someone/no-such-checkpoint", offline=False)
    assert no_network
    no_network.clear()


@pytest.mark.parametrize("name", ["./no/such/folder", "/no/such/folder", "a/b/c", "some one/else"])
def test_folder_that_is_not_there_is_not_asked_of_the_hub(name: str) -> None:
    """What can only be a path is refused as a missing folder, online too."""
    assert "folder" in refusal(name, offline=False)


# --- refusals --------------------------------------------------------------------------------------------------------


def test_classifier_is_refused_and_told_of_the_graft(tmp_path: Path, checkpoint_folder: Folders) -> None:
    """A fine-tuned classifier has no MLM head: the refusal says so and names the option that lends it one."""
    message = refusal(checkpoints.classifier_of(checkpoint_folder("bert"), tmp_path / "classifier"))
    assert "--mlm-head-from" in message
    assert "head" in message


@pytest.mark.parametrize("beginning", ["cls.predictions.transform", "cls.predictions.bias"])
def test_head_with_weights_missing_is_refused(beginning: str, tmp_path: Path, checkpoint_folder: Folders) -> None:
    """A config that promises an MLM head isn't believed where even one of its weights isn't in the file."""
    assert "head" in refusal(checkpoints.without_head(checkpoint_folder("bert"), tmp_path / "bare", beginning))


def test_encoder_with_weights_missing_is_refused(tmp_path: Path, checkpoint_folder: Folders) -> None:
    """A layer that isn't in the file would be drawn at random, so the checkpoint is refused."""
    refusal(checkpoints.without_head(checkpoint_folder("bert"), tmp_path / "gap", "bert.encoder.layer.1.output"))


def test_tokenizer_without_mask_token_is_refused(tmp_path: Path, checkpoint_folder: Folders) -> None:
    """Without a mask token nothing can be asked."""
    assert "mask token" in refusal(checkpoints.without_mask_token(checkpoint_folder("bert"), tmp_path / "maskless"))


def test_tokenizer_larger_than_the_embedding_is_refused(tmp_path: Path, checkpoint_folder: Folders) -> None:
    """A vocabulary that doesn't match the embedding is refused, with both sizes."""
    source = checkpoint_folder("bert")
    rows = load(source).info.vocabulary
    message = refusal(checkpoints.with_larger_tokenizer(source, tmp_path / "larger"))
    assert str(rows) in message
    assert str(rows + 2) in message


def test_config_of_another_size_than_the_weights_is_refused(tmp_path: Path, checkpoint_folder: Folders) -> None:
    """Weights that don't have the shape that the config asks for are refused."""
    folder = shutil.copytree(checkpoint_folder("bert"), tmp_path / "resized")
    refusal(checkpoints.change_config(folder, intermediate_size=48))


def test_weights_that_are_no_numbers_are_refused(tmp_path: Path, checkpoint_folder: Folders) -> None:
    """Where every logit is NaN, loading or the first prompt refuses; no number comes out."""
    folder = checkpoints.with_nan(checkpoint_folder("bert"), tmp_path / "nan", "bert.encoder.layer.0.output.dense.bias")
    with pytest.raises(AuditError, match=r"(?i)nan|finite|number"):
        scores(load(folder))


def test_truncated_weights_are_refused(tmp_path: Path, checkpoint_folder: Folders) -> None:
    """A file that ends in the middle is refused in words."""
    refusal(checkpoints.truncated(checkpoint_folder("bert"), tmp_path / "short"))


def test_empty_folder_is_refused(tmp_path: Path) -> None:
    """A folder without a checkpoint is refused as such, not looked up as a hub id."""
    assert "config.json" in refusal(checkpoints.empty(tmp_path / "empty"))


def test_folder_without_weights_is_refused(tmp_path: Path, checkpoint_folder: Folders) -> None:
    """A config and a tokenizer alone are no checkpoint."""
    folder = shutil.copytree(checkpoint_folder("bert"), tmp_path / "light")
    (folder / "model.safetensors").unlink()
    assert "weights" in refusal(folder)


@pytest.mark.parametrize("text", ["", "{", "null", "[]", "3", "{}", '{"model_type": 7}'])
def test_config_that_is_none_is_refused(text: str, tmp_path: Path, checkpoint_folder: Folders) -> None:
    """A config.json that isn't one is refused in words."""
    folder = shutil.copytree(checkpoint_folder("bert"), tmp_path / "odd")
    (folder / "config.json").write_text(text)
    refusal(folder)


@pytest.mark.parametrize("text", [None, "", '{"version": "1.0"}'])
def test_tokenizer_that_is_none_is_refused(text: str | None, tmp_path: Path, checkpoint_folder: Folders) -> None:
    """A folder without a tokenizer that can be read is refused."""
    folder = shutil.copytree(checkpoint_folder("bert"), tmp_path / "mute")
    (folder / "tokenizer.json").unlink()
    if text is not None:
        (folder / "tokenizer.json").write_text(text)
    refusal(folder)


def test_causal_model_is_refused(tmp_path: Path, checkpoint_folder: Folders) -> None:
    """A model that isn't a masked one is refused as such."""
    folder = shutil.copytree(checkpoint_folder("bert"), tmp_path / "causal")
    config = transformers.GPT2Config(n_embd=8, n_layer=1, n_head=1, n_positions=16, vocab_size=200)
    transformers.GPT2LMHeadModel(config).save_pretrained(folder)
    assert "masked" in refusal(folder)


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
def test_device_that_is_not_there_is_refused(checkpoint_folder: Folders) -> None:
    """A device that the machine lacks is refused, not replaced by another."""
    with pytest.raises(AuditError, match="cuda"):
        load_checkpoint(str(checkpoint_folder("bert")), Options(device="cuda", offline=True))


# --- what may run code -----------------------------------------------------------------------------------------------


def test_pickled_weights_need_leave(tmp_path: Path, checkpoint_folder: Folders) -> None:
    """`.bin` weights are refused with the option's name; with it they load and score as their safetensors do."""
    folder = checkpoints.as_pickle(checkpoint_folder("bert"), tmp_path / "pickled")
    assert "--allow-pickle" in refusal(folder)
    allowed = load(folder, allow_pickle=True)
    assert scores(allowed) == pytest.approx(scores(load(checkpoint_folder("bert"))), abs=1e-6)


def test_hostile_pickle_runs_nothing(tmp_path: Path, checkpoint_folder: Folders) -> None:
    """A pickle that would run code is refused with leave and without, and its code isn't run."""
    sentinel = tmp_path / "sentinel"
    folder = checkpoints.as_hostile_pickle(checkpoint_folder("bert"), tmp_path / "hostile", sentinel)
    assert "--allow-pickle" in refusal(folder)
    refusal(folder, allow_pickle=True)
    assert not sentinel.exists()


def test_safetensors_beside_a_pickle_are_what_is_read(tmp_path: Path, checkpoint_folder: Folders) -> None:
    """Where both kinds of weights are in the folder, the pickle isn't opened, with leave or without."""
    sentinel = tmp_path / "sentinel"
    folder = checkpoints.as_hostile_pickle(checkpoint_folder("bert"), tmp_path / "both", sentinel)
    shutil.copy(checkpoint_folder("bert") / "model.safetensors", folder)
    assert load(folder).info == load(folder, allow_pickle=True).info
    assert not sentinel.exists()


def test_remote_code_is_not_run_without_leave(tmp_path: Path, checkpoint_folder: Folders) -> None:
    """A checkpoint that brings its own code is refused with the option's name before any of it is imported."""
    sentinel = tmp_path / "sentinel"
    folder = checkpoints.with_remote_code(checkpoint_folder("bert"), tmp_path / "remote", sentinel)
    assert "--trust-remote-code" in refusal(folder)
    assert not sentinel.exists()


def test_remote_code_of_a_known_kind_is_not_run_without_leave(tmp_path: Path, checkpoint_folder: Folders) -> None:
    """Where transformers has the model itself, code that the folder brings along stays unread."""
    sentinel = tmp_path / "sentinel"
    folder = checkpoints.with_remote_code(checkpoint_folder("bert"), tmp_path / "remote", sentinel)
    checkpoints.change_config(folder, model_type="bert", architectures=["BertForMaskedLM"])
    file = folder / "tokenizer_config.json"
    own = {"AutoTokenizer": ["remote.SentinelTokenizer", None]}
    file.write_text(json.dumps(json.loads(file.read_text("utf-8")) | {"auto_map": own}), "utf-8")
    assert scores(load(folder)) == pytest.approx(scores(load(checkpoint_folder("bert"))), abs=1e-6)
    assert not sentinel.exists()


def test_remote_code_runs_with_leave(
    tmp_path: Path, checkpoint_folder: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`trust_remote_code` is what lets the checkpoint's own code in."""
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "modules"))
    sentinel = tmp_path / "sentinel"
    folder = checkpoints.with_remote_code(checkpoint_folder("bert"), tmp_path / "remote", sentinel)
    assert load(folder, trust_remote_code=True).info.architecture == "SentinelForMaskedLM"
    assert sentinel.exists()


# --- the graft -------------------------------------------------------------------------------------------------------


def test_grafted_head_scores_as_encoder_and_head_put_together(tmp_path: Path, checkpoint_folder: Folders) -> None:
    """With `mlm_head_from`, a classifier is scored through its own encoder and the base's head, as trained."""
    base = checkpoint_folder("bert")
    folder = checkpoints.classifier_of(base, tmp_path / "classifier")
    checkpoint = load(folder, mlm_head_from=str(base))
    assert checkpoint.info.mlm_head_from == base.name
    assert checkpoint.info.mlm_head_sha256 == load(base).info.weights_sha256
    assert any("head" in warning for warning in checkpoint.info.warnings)
    model = transformers.BertForMaskedLM.from_pretrained(base).eval()
    model.cls.predictions.decoder.weight = torch.nn.Parameter(model.cls.predictions.decoder.weight.detach().clone())
    tuned = transformers.BertForSequenceClassification.from_pretrained(folder)
    model.bert.load_state_dict(tuned.bert.state_dict(), strict=False)
    assert scores(checkpoint) == pytest.approx(by_hand(model, folder), abs=1e-5)
    assert scores(checkpoint) != pytest.approx(scores(load(base)), abs=1e-2)


def test_grafted_info_hashes_the_encoders_files(tmp_path: Path, checkpoint_folder: Folders) -> None:
    """The weights' hash of a graft is that of the checkpoint under audit, not of the base that lends its head."""
    base = checkpoint_folder("bert")
    folder = checkpoints.classifier_of(base, tmp_path / "classifier")
    assert load(folder, mlm_head_from=str(base)).info.weights_sha256 != load(base).info.weights_sha256


@pytest.mark.parametrize("base", ["bert-cased", "roberta", "distilbert"])
def test_head_that_does_not_fit_is_refused(base: str, tmp_path: Path, checkpoint_folder: Folders) -> None:
    """The head of a model with another vocabulary or architecture isn't grafted; both are named."""
    folder = checkpoints.classifier_of(checkpoint_folder("bert"), tmp_path / "classifier")
    assert str(checkpoint_folder(base)) in refusal(folder, mlm_head_from=str(checkpoint_folder(base)))


def test_head_from_a_classifier_is_refused(tmp_path: Path, checkpoint_folder: Folders) -> None:
    """A base that has no head itself can't lend one."""
    folder = checkpoints.classifier_of(checkpoint_folder("bert"), tmp_path / "classifier")
    assert "head" in refusal(folder, mlm_head_from=str(folder))


def test_dtype_that_is_not_there_is_refused(checkpoint_folder: Folders) -> None:
    """A dtype that nothing can be computed in is refused by its name."""
    with pytest.raises(UsageError, match="--dtype float7: no such dtype"):
        load_checkpoint(str(checkpoint_folder("bert")), Options(device="cpu", dtype="float7"))
