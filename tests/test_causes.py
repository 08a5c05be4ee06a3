"""Each row of the table of causes finds its cause in a log as Spaces really print it, and no ordinary log matches any."""

import re
from time import process_time

import pytest

from hf_action.diagnosis_old import CAUSES, DOCS, Cause, find_cause

# What stands before the interesting lines in every build log; versions and sizes say nothing by themselves.
BUILD_HEAD = """\
===== Build Queued at 2025-04-18 22:43:52 / Commit SHA: a73e54d =====
--> FROM docker.io/library/python:3.10@sha256:875c3591e586f66aa65621926230925144920c951902a6c2eef005d9783a7ca7
DONE 0.0s
--> RUN pip install --no-cache-dir pip -U && \tpip install --no-cache-dir \tdatasets \t"huggingface-hub>=0.19" "hf-transfer>=0.1.4"
CACHED
--> COPY --from=root / /
CACHED
--> RUN --mount=target=/tmp/requirements.txt,source=requirements.txt     pip install --no-cache-dir -r /tmp/requirements.txt
"""
START = "===== Application Startup at 2025-04-18 22:47:05 =====\n\n"

# cause -> what a Space that has it prints or says of itself, by situation
SAMPLES = {
    "payment or quota needed": {
        "paid hardware without a payment method": "A payment method is required for this hardware",
        "402 of the inference providers": START + """\
Traceback (most recent call last):
  File "/home/user/app/app.py", line 31, in respond
    for message in client.chat_completion(messages, stream=True):
huggingface_hub.errors.HfHubHTTPError: 402 Client Error: Payment Required for url: https://router.huggingface.co/v1/chat/completions (Request ID: Root=1-68;f)
You have exceeded your monthly included credits for Inference Providers.
""",
        "ZeroGPU": START + "gradio.exceptions.Error: 'You have exceeded your GPU quota (60s requested vs. 12s left). Try again in 3:12:20'\n",
        "storage of the account": "Your storage patterns tripped our internal systems! Private repository storage quota exceeded.",
    },
    "no machine of the requested hardware is free": {
        "observed": "Scheduling failure: unable to schedule",
        "by the runtime": "RUNTIME_ERROR\nScheduling failure: not enough hardware capacity",
    },
    "gated or private model without a token that may read it": {
        "gated, no token": START + """\
Traceback (most recent call last):
  File "/usr/local/lib/python3.10/site-packages/huggingface_hub/utils/_http.py", line 409, in hf_raise_for_status
    response.raise_for_status()
requests.exceptions.HTTPError: 401 Client Error: Unauthorized for url: https://huggingface.co/meta-llama/Llama-3.1-8B-Instruct/resolve/main/config.json

The above exception was the direct cause of the following exception:

huggingface_hub.errors.GatedRepoError: 401 Client Error. (Request ID: Root=1-6802d4d7-6f0c)

Cannot access gated repo for url https://huggingface.co/meta-llama/Llama-3.1-8B-Instruct/resolve/main/config.json.
Access to model meta-llama/Llama-3.1-8B-Instruct is restricted. You must have access to it and be authenticated to access it. Please log in.
""",
        "gated, terms not accepted": START + """\
OSError: You are trying to access a gated repo.
Make sure to have access to it at https://huggingface.co/google/gemma-2-2b-it.
403 Client Error. (Request ID: Root=1-66a3)
Cannot access gated repo for url https://huggingface.co/google/gemma-2-2b-it/resolve/main/config.json.
Access to model google/gemma-2-2b-it is restricted and you are not in the authorized list. Visit https://huggingface.co/google/gemma-2-2b-it to ask for access.
""",
        "private": START + """\
huggingface_hub.errors.RepositoryNotFoundError: 401 Client Error. (Request ID: Root=1-6802)

Repository Not Found for url: https://huggingface.co/acme/secret-model/resolve/main/config.json.
Please make sure you specified the correct `repo_id` and `repo_type`.
If you are trying to access a private or gated repo, make sure you are authenticated.
""",
    },
    "out of memory": {
        "the platform's word": "RUNTIME_ERROR\nMemory limit exceeded (16Gi)",
        "killed": "Exit code: 137. Reason: OOMKilled",
        "exit code alone": "Job failed with exit code: 137",
        "on the GPU": START + """\
  File "/usr/local/lib/python3.10/site-packages/torch/nn/modules/module.py", line 1173, in convert
    return t.to(
torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 224.00 MiB. GPU 0 has a total capacity of 14.58 GiB of which 155.56 MiB is free.
""",
        "in Python": START + """\
  File "/home/user/app/app.py", line 12, in <module>
    weights = np.zeros((400_000, 400_000))
MemoryError
""",
    },
    "disk full": {
        "while it runs": START + """\
  File "/usr/local/lib/python3.10/site-packages/huggingface_hub/file_download.py", line 535, in http_get
    temp_file.write(chunk)
OSError: [Errno 28] No space left on device
""",
        "evicted": "Workload evicted, storage limit exceeded (50G)",
        "while it builds": BUILD_HEAD + "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device\n",
    },
    "CUDA on hardware without a GPU": {
        "no driver": START + """\
  File "/usr/local/lib/python3.10/site-packages/torch/cuda/__init__.py", line 319, in _lazy_init
    torch._C._cuda_init()
RuntimeError: Found no NVIDIA driver on your system. Please check that you have an NVIDIA GPU and installed a driver from http://www.nvidia.com/Download/index.aspx
""",
        "CPU wheel": START + """\
    raise AssertionError("Torch not compiled with CUDA enabled")
AssertionError: Torch not compiled with CUDA enabled
""",
        "library": START + "OSError: libcuda.so.1: cannot open shared object file: No such file or directory\n",
        "none visible": START + "RuntimeError: No CUDA GPUs are available\n",
    },
    "conflicting versions in the requirements": {
        "pip": BUILD_HEAD + """\
ERROR: Cannot install -r /tmp/requirements.txt (line 3) and transformers==4.38.0 because these package versions have conflicting dependencies.

The conflict is caused by:
    The user requested tokenizers==0.13.3
    transformers 4.38.0 depends on tokenizers<0.19 and >=0.14

To fix this you could try to:
1. loosen the range of package versions you've specified
2. remove package versions to allow pip to attempt to solve the dependency conflict

ERROR: ResolutionImpossible: for help visit https://pip.pypa.io/en/latest/topics/dependency-resolution/#dealing-with-dependency-conflicts
""",
        "pip, old": BUILD_HEAD + "ERROR: gradio 3.50.2 has requirement pydantic!=1.8,<2.0.0, but you have pydantic 2.6.0 which is incompatible.\n",
        "pip, of what was there before": BUILD_HEAD + """\
ERROR: pip's dependency resolver does not currently take into account all the packages that are installed. This behaviour is the source of the following dependency conflicts.
gradio 3.50.2 requires pydantic!=1.8,!=1.8.1,<2.0.0,>=1.7.4, but you have pydantic 2.6.0 which is incompatible.
""",
        "uv": BUILD_HEAD + """\
  × No solution found when resolving dependencies:
  ╰─▶ Because gradio==5.29.0 depends on pydantic>=2.0,<2.12 and you require pydantic<2, we can conclude that your requirements are unsatisfiable.
""",
    },
    "a required package or version does not exist (any more)": {
        "pip": BUILD_HEAD + """\
ERROR: Could not find a version that satisfies the requirement torch==9.9 (from versions: 2.5.1, 2.6.0, 2.7.0)
ERROR: No matching distribution found for torch==9.9
--> ERROR: process "/bin/sh -c pip install --no-cache-dir -r /tmp/requirements.txt" did not complete successfully: exit code: 1
""",
        "yanked": BUILD_HEAD + """\
WARNING: The candidate selected for download or install is a yanked version: 'numpy' candidate (version 2.4.0)
Reason for being yanked: broken wheels
ERROR: Failed building wheel for numpy
""",
        "uv": BUILD_HEAD + "  × Because gradioo was not found in the package registry and you require gradioo, we can conclude that they cannot be used.\n",
        "apt": BUILD_HEAD + "E: Unable to locate package libgl1-mesa-glxx\n",
    },
    "a module is not installed": {
        "module": START + """\
Traceback (most recent call last):
  File "/home/user/app/app.py", line 2, in <module>
    import cv2
ModuleNotFoundError: No module named 'cv2'
""",
        "name in a module": START + """\
  File "/home/user/app/app.py", line 4, in <module>
    from huggingface_hub import cached_download
ImportError: cannot import name 'cached_download' from 'huggingface_hub' (/usr/local/lib/python3.10/site-packages/huggingface_hub/__init__.py)
""",
        "library of the system": START + "ImportError: libGL.so.1: cannot open shared object file: No such file or directory\n",
    },
    "the app does not listen on the port the Space expects, or takes too long to start": {
        "launch": "RUNTIME_ERROR\nlaunch timed out, workload was not healthy after 30 min",
        "port taken": START + "OSError: Cannot find empty port in range: 7860-7860. You can specify a different port by setting the GRADIO_SERVER_PORT environment variable\n",
        "port taken, uvicorn": START + "ERROR:    [Errno 98] error while attempting to bind on address ('0.0.0.0', 7860): address already in use\n",
    },
    "the app file is missing": {
        "stage": "NO_APP_FILE",
        "page of the Space": "No application file",
        "Python": START + "python: can't open file '/home/user/app/app.py': [Errno 2] No such file or directory\n",
        "Docker": BUILD_HEAD + "ERROR: failed to solve: failed to read dockerfile: open Dockerfile: no such file or directory\n",
    },
    "the block on top of README.md is wrong": {
        "stage": "CONFIG_ERROR",
        "missing": "Missing configuration in README\nBase README.md template:\n---\ntitle: {{title}}\n",
        "value": 'Invalid metadata in README.md.\n- "sdk" must be one of [gradio, docker, static]',
        "field": 'Error: "app_port" must be a number',
    },
}  # fmt: skip

ORDINARY = {
    "a running Gradio app": START + """\
* Running on local URL:  http://0.0.0.0:7860, with SSR ⚡ (experimental, to disable set `ssr_mode=False` in `launch()`)

To create a public link, set `share=True` in `launch()`.
""",
    "a model that loads": START + """\
config.json: 100%|██████████| 1.18k/1.18k [00:00<00:00, 6.90MB/s]
model-00001-of-00002.safetensors:  37%|███▋      | 1.83G/4.97G [00:11<00:18, 172MB/s]
Loading checkpoint shards: 100%|██████████| 2/2 [00:01<00:00,  1.46it/s]
Some weights of BertModel were not initialized from the model checkpoint at bert-base-cased and are newly initialized: ['pooler.dense.bias']
You should probably TRAIN this model on a down-stream task to be able to use it for predictions and inference.
Device set to use cpu
/usr/local/lib/python3.10/site-packages/transformers/utils/hub.py:110: FutureWarning: Using `TRANSFORMERS_CACHE` is deprecated and will be removed in v5 of Transformers. Use `HF_HOME` instead.
""",
    "a web server": START + """\
INFO:     Started server process [1]
INFO:     Waiting for application startup.
INFO:     Application startup complete.
INFO:     Uvicorn running on http://0.0.0.0:7860 (Press CTRL+C to quit)
INFO:     10.16.4.123:51442 - "GET /?logs=container HTTP/1.1" 200 OK
INFO:     10.16.4.123:51442 - "GET /favicon.ico HTTP/1.1" 404 Not Found
INFO:     10.16.4.123:1370 - "GET /items/137 HTTP/1.1" 401 Unauthorized
""",
    "a Streamlit app": START + """\
Collecting usage statistics. To deactivate, set browser.gatherUsageStats to false.

  You can now view your Streamlit app in your browser.

  URL: http://0.0.0.0:8501
""",
    "an ordinary build": BUILD_HEAD + """\
Collecting gradio[oauth]==5.29.0
  Downloading gradio-5.29.0-py3-none-any.whl (54.1 MB)
     ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━ 54.1/54.1 MB 137.0 MB/s eta 0:00:00
Collecting pydantic<2.12,>=2.0
Collecting nvidia-cuda-runtime-cu12==12.6.77
Requirement already satisfied: packaging in /usr/local/lib/python3.10/site-packages (24.2)
INFO: pip is looking at multiple versions of gradio to determine which version is compatible with other requirements. This could take a while.
Installing collected packages: ruff, pydantic, gradio
  Attempting uninstall: huggingface-hub
    Found existing installation: huggingface-hub 0.30.2
Successfully installed gradio-5.29.0 gradio-client-1.10.0 ruff-0.11.8 safehttpx-0.1.6
WARNING: Running pip as the 'root' user can result in broken permissions and conflicting behaviour with the system package manager.
[notice] A new release of pip is available: 25.0.1 -> 25.1
DONE 42.1s

--> COPY --chown=1000:1000 --from=root / /
DONE 0.2s

--> Pushing image
DONE 12.4s

--> Exporting cache
DONE 3.1s
""",
    "an ordinary Docker build": """\
===== Build Queued at 2025-06-02 08:12:41 / Commit SHA: 3d2e3a6 =====
--> FROM docker.io/library/node:20-slim@sha256:cffed8cd39d6a380434e6d08116d188c53e70611175cd5ec7700f93f32a935a6
DONE 4.8s
--> RUN apt-get update && apt-get install -y --no-install-recommends git curl
Get:1 http://deb.debian.org/debian bookworm InRelease [151 kB]
Setting up libcurl4:amd64 (7.88.1-10+deb12u12) ...
DONE 11.2s
--> RUN npm ci
added 412 packages, and audited 413 packages in 9s
npm warn deprecated inflight@1.0.6: This module is not supported, and leaks memory.
found 0 vulnerabilities
DONE 10.4s
--> Pushing image
DONE 5.0s
""",
    "a GPU library on a CPU, which only warns": START + """\
/usr/local/lib/python3.10/site-packages/torch/cuda/__init__.py:174: UserWarning: CUDA initialization: Found no NVIDIA driver on your system. Please check that you have an NVIDIA GPU and installed a driver from http://www.nvidia.com/Download/index.aspx
2025-04-18 22:47:12.345678: W tensorflow/stream_executor/platform/default/dso_loader.cc:64] Could not load dynamic library 'libcudart.so.11.0'; dlerror: libcudart.so.11.0: cannot open shared object file: No such file or directory
A matching Triton is not available, some optimizations will not be enabled.
Error caught was: No module named 'triton'
* Running on local URL:  http://0.0.0.0:7860
""",
    "an app that handles its users' errors": START + """\
INFO: user 42 asked for the meaning of "out of order"
WARNING: retry 1 of 3 after 429 Too Many Requests
INFO: session 1370 closed, exit code: 0
""",
    "an ordinary crash of one's own code": START + """\
Traceback (most recent call last):
  File "/home/user/app/app.py", line 12, in <module>
    pipe = pipeline("text-generation", model=os.environ["MODEL_REPO_ID"])
  File "<frozen os>", line 685, in __getitem__
KeyError: 'MODEL_REPO_ID'
""",
    "nothing but the stage of a crash": "RUNTIME_ERROR",
    "nothing but the stage of a failed build": "BUILD_ERROR\nJob failed with exit code: 1. Reason: cache miss: [4/7] RUN pip install -r requirements.txt",
    "the four kinds of stage": "RUNNING\nBUILDING\nPAUSED\nAPP_STARTING",
}  # fmt: skip

CASES = [(name, situation, text) for name, texts in SAMPLES.items() for situation, text in texts.items()]


def claims(row: Cause, text: str) -> bool:
    """Whether a row's pattern is found, as find_cause looks for it."""
    return row.pattern.search(text) is not None


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, _, text in CASES], ids=[f"{n}: {s}" for n, s, _ in CASES])
def test_a_realistic_log_tells_its_cause(name, text):
    """The cause is found in what such a Space prints, handed over line by line as the action does."""
    found = find_cause(text.splitlines())
    assert found is not None and found.name == name


def test_every_row_has_a_log():
    """A row without a realistic log cannot be added, and none of the rows has gone."""
    assert SAMPLES.keys() == {row.name for row in CAUSES}


def test_names_are_told_apart():
    """Documents and messages name a cause by its name alone."""
    assert len({row.name for row in CAUSES}) == len(CAUSES)


@pytest.mark.parametrize("text", ORDINARY.values(), ids=ORDINARY.keys())
def test_an_ordinary_log_has_no_cause(text):
    """Nobody is told a cause that is none: neither by the log of a healthy Space nor by that of an ordinary build."""
    assert [row.name for row in CAUSES if claims(row, text)] == []


# Where one log shows two rows of the table, the special one decides, because it stands first.
SPECIAL_BEFORE_GENERAL = {
    ("CUDA on hardware without a GPU", "a module is not installed"),  # libcuda.so.1: cannot open shared object file
}


def test_no_two_rows_claim_each_others_log():
    """Of all rows, only the one meant finds something, but for the pairs whose order is meant."""
    both = {(name, row.name) for name, _, text in CASES for row in CAUSES if row.name != name and claims(row, text)}
    assert both - SPECIAL_BEFORE_GENERAL == set()


@pytest.mark.parametrize("row", CAUSES, ids=lambda row: row.name)
def test_every_row_tells_what_to_do_and_where_it_is_explained(row):
    """A remedy is a sentence that fits behind the message, and the link leads into Hugging Face's documentation."""
    assert re.fullmatch(r"[A-Z][^\n]{10,120}[^.;]", row.remedy)
    assert re.fullmatch(re.escape(DOCS) + r"/[a-z-]+(#[a-z-]+)?", row.link)


def test_no_text_has_no_cause():
    """Neither does a log that could not be read."""
    assert find_cause([]) is None and find_cause(["", ""]) is None


@pytest.mark.parametrize("row", CAUSES, ids=lambda row: row.name)
def test_a_pattern_is_quick_on_a_megabyte(row):
    """A log made to be slow to search costs no more than its length: no pattern goes back and forth in it."""
    words = ["401 Client Error ", "access to model ", "exceeded your ", "has requirement ", "can't open file ", "ephemeral storage "]
    hostile = "".join(word * (1_000_000 // len(words) // len(word)) for word in words)
    began = process_time()
    claims(row, hostile)
    assert process_time() - began < 2.0
