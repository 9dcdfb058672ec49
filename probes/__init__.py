"""The questions, as data: probe files, word lists, and the prompts they expand into."""

from probes.expand import Prompt, cells, count_prompts, expand
from probes.faults import Fault, ProbeError
from probes.lexicon import Lexicon, Word
from probes.load import load_lexicon, load_probe, probe_schema, shipped_probes
from probes.probe import Axis, Form, Level, Probe, Template

__all__ = [
    "Axis",
    "Fault",
    "Form",
    "Level",
    "Lexicon",
    "Probe",
    "ProbeError",
    "Prompt",
    "Template",
    "Word",
    "cells",
    "count_prompts",
    "expand",
    "load_lexicon",
    "load_probe",
    "probe_schema",
    "shipped_probes",
]
