"""Each word of the table is found in what such Spaces print, and what stands beside it misleads nobody."""

import re
from pathlib import Path

import pytest

from hf_action.diagnosis import diagnose
from hf_action.diagnosis.causes import CAUSES
from hf_action.diagnosis.signs import DOCS, Blame

CONTRACT = Path(__file__).parents[2] / "docs/contract.md"
STEP = '--> ERROR: process "/bin/sh -c {}" did not complete successfully: exit code: {}'
PIP = STEP.format("pip install --no-cache-dir -r /tmp/requirements.txt", 1)
BUILD_HEAD = "===== Build Queued at 2026-03-02 09:14:11 / Commit SHA: 0c4d1fe =====\n\n--> RUN --mount=target=/tmp/requirements.txt,source=requirements.txt     pip install --no-cache-dir -r /tmp/requirements.txt\n"
START = "===== Application Startup at 2026-03-02 09:16:40 =====\n\n"
APP = 'Traceback (most recent call last):\n  File "/home/user/app/app.py", line 7, in <module>\n'
LIBRARY = "/usr/local/lib/python3.11/site-packages"


def message(text, stage="RUNTIME_ERROR"):
    return {"stage": stage, "message": text, "log": ""}


def build(log, text="Job failed with exit code: 1. Reason: cache miss: [2/5] RUN pip install -r requirements.txt"):
    return {"stage": "BUILD_ERROR", "message": text, "log": BUILD_HEAD + log}


def run(log, text=None):
    return {"stage": "RUNTIME_ERROR", "message": text, "log": START + log}


# word -> what a Space that has it shows, by situation: the Space, what the evidence holds, what the remedy holds
SAMPLES = {
    "blocked": {
        "paused by a rule": (message("Blocked by abuse-handler by rule: Crypto", "PAUSED"), "abuse-handler", "Hugging Face"),
        "flagged": (message("This Space has been flagged as abusive", "PAUSED"), "flagged", "website@huggingface.co"),
        "disabled": (message("Space was disabled for a violation of our terms", "STOPPED"), "disabled", "website@"),
    },
    "spend-limit": {
        "resource group": (message("Resource group spend limit reached", "PAUSED"), "spend limit", "billing"),
        "spending limit": (message("Paused: the organization's spending limit was hit", "PAUSED"), "spending", "billing"),
        "at start": (message("Budget limit reached for organization acme"), "Budget", "billing"),
    },
    "quota-reached": {
        "paused": (message("Quota exceeded for flavor cpu-basic (requested=1): current=8, limit=8", "PAUSED"), "cpu-basic", "Pause other Spaces"),
        "restart": (message("You've reached your cpu-basic quota limit, please upgrade your account", "PAUSED"), "quota", "pricing"),
        "all": (message("You've reached your hardware quota limit across all your Spaces!", "PAUSED"), "hardware quota", "plan"),
    },
    "payment-required": {
        "no method": (message("A payment method is required to use t4-small", "PAUSED"), "payment method", "billing"),
        "credits": (message("Insufficient credits on your account", "PAUSED"), "credits", "credits"),
        "plan": (message("This hardware requires a PRO subscription"), "PRO", "billing"),
        "inference": (run(APP + "    client.chat_completion(messages)\nhuggingface_hub.errors.HfHubHTTPError: 402 Client Error: Payment Required for url: https://router.huggingface.co/v1/chat/completions\n"), "402", "credits"),
    },
    "settings-collision": {
        "collision": (message("Collision on variables and secrets names.", "CONFIG_ERROR"), "Collision", "delete one of the two in"),
        "worded otherwise": (message("Variable and secret with the same name: HF_TOKEN", "CONFIG_ERROR"), "same name", "README.md is not the place"),
        "while it runs": (message("Collision on secret names"), "Collision", "acme/demo/settings"),
    },
    "dev-mode": {
        "message": (message("Dev mode is not available for this Space"), "Dev mode", "Turn Dev Mode off"),
        "no git": (build("--> RUN git config --global --add safe.directory /app\n/bin/sh: 1: git: not found\n" + STEP.format("git config --global --add safe.directory /app", 127)), "git", "git-lfs"),
        "no wget": (build("--> RUN wget https://acme.example/openvscode-server.tar.gz\n/bin/sh: 1: wget: not found\n" + STEP.format("wget https://acme.example/openvscode-server.tar.gz", 127)), "openvscode", "wget"),
    },
    "repository-too-large": {
        "limit": (message("Repository storage limit reached (Max: 1 GB)", "BUILD_ERROR"), "1 GB", "Move large files"),
        "build log": (build("error: Repository storage limit reached (Max: 1 GB)\n", None), "limit reached", "Move"),
        "size": (message("Your repository exceeded the maximum size", "CONFIG_ERROR"), "exceeded", "old versions"),
    },
    "app-file-missing": {
        "stage": (message(None, "NO_APP_FILE"), "", "Push app.py"),
        "stage and words": (message("No application file", "NO_APP_FILE"), "No application file", "app_file"),
        "python": (run("python: can't open file '/home/user/app/main.py': [Errno 2] No such file or directory\n"), "main.py", "Push /home/user/app/main.py"),
        "streamlit": (run("Usage: streamlit run [OPTIONS] TARGET [ARGS]...\n\nError: Invalid value: File does not exist: src/web.py\n"), "src/web.py", "src/web.py"),
        "no Dockerfile": (build("error: failed to solve: failed to read dockerfile: open Dockerfile: no such file or directory\n"), "Dockerfile", "Dockerfile"),
    },
    "readme-config": {
        "stage": (message(None, "CONFIG_ERROR"), "", "--- lines"),
        "missing": (message("Missing configuration in README", "CONFIG_ERROR"), "Missing", "README.md"),
        "value": (message('Invalid metadata in README.md.\n- "sdk" must be one of [gradio, docker, static]', "CONFIG_ERROR"), "Invalid", "README.md"),
        "field": (message('"app_port" must be a number', "CONFIG_ERROR"), "app_port", "README.md"),
    },
    "zerogpu-rule": {
        "none decorated": (message("No @spaces.GPU function detected during startup"), "@spaces.GPU", "Put @spaces.GPU"),
        "version of torch": (message("torch version in requirements.txt is not compatible with ZeroGPU. Supported versions: 2.11.0, 2.10.0\n---\ntitle: {{title}}\nsdk: {{sdk}}\n---", "CONFIG_ERROR"), "2.11.0", "Set torch in requirements.txt"),
        "main process": (run(APP + "    pipe.to('cuda')\nRuntimeError: CUDA must not be initialized in the main process on Spaces with Stateless GPU environment.\n"), "main process", "@spaces.GPU"),
        "order of imports": (run(APP + "    import spaces\nRuntimeError: CUDA has been initialized before importing the `spaces` package. Try importing `spaces` before any other CUDA-related package.\n"), "before importing", "import spaces before torch"),
        "no GPU in a worker": (run(APP + f'    worker()\n  File "{LIBRARY}/spaces/zero/wrappers.py", line 143, in worker_init\n    torch.init(nvidia_uuid)\nRuntimeError: No CUDA GPUs are available\n'), "No CUDA GPUs", "@spaces.GPU"),
    },
    "no-hardware-free": {
        "unable": (message("Scheduling failure: unable to schedule"), "Scheduling", "later"),
        "capacity": (message("Scheduling failure: not enough hardware capacity"), "capacity", "other hardware"),
        "none": (message("No capacity for a100-large right now"), "No capacity", "later"),
    },
    "build-out-of-memory": {
        "the Hub's word": (message("Job failed with exit code: 137", "BUILD_ERROR"), "137", "does not change the builder"),
        "of a step": (build(STEP.format("npm run build", 137), "Job failed with exit code: 1"), "137", "fewer parallel jobs"),
        "compiler": (build("c++: fatal error: Killed signal terminated program cc1plus\ncompilation terminated.\n  ERROR: Failed building wheel for dlib\n" + PIP), "cc1plus", "less memory"),
        "node": (build("FATAL ERROR: Ineffective mark-compacts near heap limit Allocation failed - JavaScript heap out of memory\n" + STEP.format("npm run build", 134)), "heap out of memory", "less memory"),
    },
    "out-of-memory": {
        "the Hub's word": (message("Memory limit exceeded (32Gi)"), "32Gi", "more memory"),
        "exit code": (message("Exit code: 137. Reason: "), "137", "Load less"),
        "GPU": (run(APP + "    return t.to(\ntorch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.16 GiB.\n"), "CUDA out of memory", "lower precision"),
        "killed": (run("Loading checkpoint shards:  33%|███▎      | 1/3 [00:09<00:19,  9.71s/it]\nKilled\n"), "Killed", "more memory"),
        "worker": (run("[2026-03-02 09:17:00 +0000] [1] [ERROR] Worker (pid:7) was sent SIGKILL! Perhaps out of memory?\n"), "SIGKILL", "more memory"),
    },
    "disk-full": {
        "evicted": (message("Workload evicted, storage limit exceeded (50G)"), "50G", "attach storage"),
        "run": (run(APP + "    temp_file.write(chunk)\nOSError: [Errno 28] No space left on device\n"), "Errno 28", "Download and keep less"),
        "build": (build("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device\n\n" + PIP), "Errno 28", "delete"),
    },
    "hub-fault": {
        "container": (message("Exit code: 128. Reason: failed to create containerd task: failed to create shim task: context deadline exceeded"), "containerd", "status.huggingface.co"),
        "unknown code": (message("Exit code: ?. Reason: "), "Exit code: ?", "Restart"),
        "ended from outside": (message("Job failed with exit code: 143", "BUILD_ERROR"), "143", "Restart"),
        "push": (build("--> Pushing image\n--> ERROR: failed to push registry.example/spaces/acme: unexpected status from HEAD request: 503 Service Unavailable\n"), "failed to push", "Restart"),
        "refused": (message("Something went wrong when restarting this Space"), "went wrong", "Restart"),
    },
    "slow-start": {
        "download": (run("model-00003-of-00030.safetensors:  41%|████      | 2.01G/4.90G [00:12<00:17, 170MB/s]\n", "Launch timed out, workload was not healthy after 30 min"), "safetensors", "startup_duration_timeout"),
        "loading": (run("Loading the index of 12,000,000 documents\n", "Launch timed out, workload was not healthy after 30 min"), "Loading", "Listen first"),
        "migrations": (run("Migrating schema to version 12\n", "Launch timed out, workload was not healthy after 10 min"), "Migrating", "Listen first"),
    },
    "not-listening": {
        "nothing known": (message("Launch timed out, workload was not healthy after 30 min"), "timed out", "0.0.0.0"),
        "other port": (run("INFO:     Uvicorn running on http://0.0.0.0:8000 (Press CTRL+C to quit)\n", "Launch timed out, workload was not healthy after 30 min"), "8000", "the log shows 8000"),
        "loopback": (run("2026-03-02 09:16:41 Listening on http://127.0.0.1:7860\n", "Launch timed out, workload was not healthy after 30 min"), "127.0.0.1", "0.0.0.0"),
        "as expected": (run("Running on local URL:  http://0.0.0.0:7860\n", "Launch timed out, workload was not healthy after 30 min"), "timed out", "startup_duration_timeout"),
        "quiet": (run("\n", "Launch timed out, workload was not healthy after 30 min"), "timed out", "0.0.0.0"),
        "ended": (message("Exit code: 0. Reason: application does not seem to be initialized"), "initialized", "keeps running"),
    },
    "base-image-not-found": {
        "tag": (build("--> ERROR: docker.io/library/node:29-slimm: not found\n"), "node:29-slimm", "docker.io/library/node:29-slimm is not found"),
        "denied": (build("error: failed to solve: acme/base:1: failed to resolve source metadata for docker.io/acme/base:1: pull access denied, repository does not exist or may require authorization\n"), "acme/base:1", "FROM"),
        "manifest": (build("ERROR: manifest for acme/tool:9 not found: manifest unknown: manifest unknown\n"), "acme/tool:9", "acme/tool:9"),
    },
    "dockerfile-error": {
        "syntax": (build("error: failed to solve: dockerfile parse error on line 12: unknown instruction: RUNN\n"), "line 12", "at line 12"),
        "file": (build('--> ERROR: failed to calculate checksum of ref 9a::b7: "/src/main.py": not found\n'), "/src/main.py", "must be in the repository"),
        "shell words": (message("Job failed with exit code: 1. Reason: cache miss: [5/6] RUN true\ncache miss: [6/6] COPY assets/ /app/assets/ 2>/dev/null || true", "BUILD_ERROR"), "COPY assets/", "off COPY assets/ /app/assets/,"),
        "stage": (build('error: failed to solve: target stage "runner" could not be found\n'), "runner", "Dockerfile"),
    },
    "malformed-requirements": {
        "no comparison": (build("ERROR: Invalid requirement: 'gradio 5.1' (from line 2 of /tmp/requirements.txt)\n" + PIP), "gradio 5.1", "line 2 of /tmp/requirements.txt"),
        "a path": (build("ERROR: ./vendor/tool is not a valid editable requirement. It should either be a path to a local project or a VCS URL (beginning with bzr+http).\n" + PIP), "editable", "one requirement a line"),
        "encoding": (build("UnicodeDecodeError: 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte\n" + PIP), "0xff", "UTF-8"),
        "package.json": (build("npm error code EJSONPARSE\nnpm error JSON.parse Unexpected token } in JSON at position 212\n" + STEP.format("npm install", 1)), "EJSONPARSE", "the line that the log names"),
    },
    "python-version": {
        "left Python": (run(APP + "    import cgi\nModuleNotFoundError: No module named 'cgi'\n"), "'cgi'", "cgi is not part of Python any more"),
        "in a package": (run(APP + f'    import old\n  File "{LIBRARY}/old/__init__.py", line 1, in <module>\n    from distutils.util import strtobool\nModuleNotFoundError: No module named \'distutils\'\n'), "distutils", "python_version in README.md"),
        "refused by pip": (build("ERROR: Package 'numba' requires a different Python: 3.9.19 not in '>=3.10'\n" + PIP), "different Python", "python_version"),
        "left out by pip": (build("ERROR: Ignored the following versions that require a different python version: 2.3.0 Requires-Python >=3.11; 2.3.1 Requires-Python >=3.11\nERROR: Could not find a version that satisfies the requirement numpy==2.3.1 (from versions: 2.2.5, 2.2.6)\nERROR: No matching distribution found for numpy==2.3.1\n" + PIP), "numpy==2.3.1", "python_version"),
        "compiler of a package": (build("      AttributeError: module 'pkgutil' has no attribute 'ImpImporter'. Did you mean: 'zipimporter'?\nerror: subprocess-exited-with-error\n" + PIP), "ImpImporter", "older"),
        "new words": (run(APP + "    def f(x: int | None): ...\nTypeError: unsupported operand type(s) for |: 'type' and 'NoneType'\n"), "unsupported operand", "python_version"),
    },
    "apt-package-not-found": {
        "unknown": (build("Reading state information...\nE: Unable to locate package libgl-mesa\n" + STEP.format("apt-get install -y libgl-mesa", 100)), "libgl-mesa", "Correct or replace libgl-mesa"),
        "gone": (build("E: Package 'python3.9-dev' has no installation candidate\n" + STEP.format("apt-get install -y python3.9-dev", 100)), "python3.9-dev", "packages.txt"),
        "alpine": (build("ERROR: unable to select packages:\n  libmagick (no such package):\n    required by: world[libmagick]\n" + STEP.format("apk add libmagick", 1)), "libmagick", "libmagick"),
    },
    "package-not-found": {
        "pip": (build("ERROR: Could not find a version that satisfies the requirement gradioo (from versions: none)\nERROR: No matching distribution found for gradioo\n" + PIP), "gradioo", "gradioo"),
        "uv": (build("  × No solution found when resolving dependencies:\n  ╰─▶ Because fastapii was not found in the package registry and you require fastapii, we can conclude that your requirements are unsatisfiable.\n" + STEP.format("uv pip install -r requirements.txt", 1)), "fastapii", "fastapii"),
        "npm": (build("npm error code ETARGET\nnpm error notarget No matching version found for vite@^99.0.0.\nnpm error notarget In most cases you or one of your dependencies are requesting\n" + STEP.format("npm ci", 1)), "vite@^99.0.0", "vite@^99.0.0"),
        "git": (build("  fatal: could not read Username for 'https://github.com': No such device or address\n  error: subprocess-exited-with-error\n" + PIP), "github.com", "Correct the name"),
        "cargo": (build("error: no matching package named `serdee` found\nlocation searched: crates.io index\n" + STEP.format("cargo build", 101)), "serdee", "serdee"),
    },
    "version-conflict": {
        "pip": (build("ERROR: Cannot install fastapi==0.110.0 and starlette==0.40.0 because these package versions have conflicting dependencies.\n\nERROR: ResolutionImpossible: for help visit https://pip.pypa.io/en/latest/topics/dependency-resolution/#dealing-with-dependency-conflicts\n\n[notice] A new release of pip is available: 24.0 -> 26.0\n\n" + PIP), "Cannot install fastapi", "fastapi==0.110.0 and starlette==0.40.0"),
        "uv": (build("  × No solution found when resolving dependencies:\n  ╰─▶ Because only torch<=2.6 is available and vllm depends on torch==2.7, we can conclude that your requirements are unsatisfiable.\n" + STEP.format("uv sync", 1)), "unsatisfiable", "Align or loosen"),
        "npm": (build("npm error code ERESOLVE\nnpm error ERESOLVE unable to resolve dependency tree\nnpm error Found: react@19.0.0\nnpm error For a full report see:\n" + STEP.format("npm install", 1)), "react@19.0.0", "react@19.0.0"),
        "conda": (build("LibMambaUnsatisfiableError: Encountered problems while solving:\n" + STEP.format("conda env create", 1)), "LibMamba", "Align"),
        "an old wheel": (build("ERROR: Wheel 'awscli' located at /tmp/pip-unpack-1/awscli-1.16.1-py2.py3-none-any.whl is invalid.\n" + PIP), "awscli", "Pin awscli"),
    },
    "wheel-build-failed": {
        "old pip": (build("  ERROR: Failed building wheel for insightface\nERROR: Could not build wheels for insightface, which is required to install pyproject.toml-based projects\n" + PIP), "insightface", "insightface"),
        "new pip": (build("Failed to build installable wheels for some pyproject.toml based projects\n╰─> sentencepiece\n" + PIP), "installable wheels", "build-essential"),
        "needs torch": (build("      ModuleNotFoundError: No module named 'torch'\n      [end of output]\n\nerror: metadata-generation-failed\n\n× Encountered error while generating package metadata.\n" + PIP), "metadata", "cmake"),
        "node-gyp": (build("npm error gyp ERR! find Python Python is not set from command line or npm configuration\nnpm error gyp ERR! not ok\n" + STEP.format("npm ci", 1)), "gyp", "compile"),
        "when the app starts": (run("error: metadata-generation-failed\n" + APP + "    subprocess.run(['pip', 'install', 'x'], check=True)\nsubprocess.CalledProcessError: Command '['pip', 'install', 'x']' returned non-zero exit status 1.\n"), "metadata-generation-failed", "compile"),
    },
    "gated-or-private": {
        "gated": (run(APP + "    load()\nhuggingface_hub.errors.GatedRepoError: 403 Client Error. (Request ID: Root=1-6)\n\nCannot access gated repo for url https://huggingface.co/acme/big-model/resolve/main/config.json.\nAccess to model acme/big-model is restricted and you are not in the authorized list.\n"), "acme/big-model", "Check the name acme/big-model"),
        "transformers": (run(APP + "    AutoModel.from_pretrained('acme/hidden')\nOSError: acme/hidden is not a local folder and is not a valid model identifier listed on 'https://huggingface.co/models'\n"), "acme/hidden", "HF_TOKEN"),
        "old token": (run(APP + "    login()\nrequests.exceptions.HTTPError: Invalid user token. If you didn't pass a user token, make sure you are properly logged in\n"), "Invalid user token", "valid token"),
        "in a build": (build("huggingface_hub.errors.RepositoryNotFoundError: 401 Client Error. (Request ID: Root=1-6)\n\nRepository Not Found for url: https://huggingface.co/api/models/acme/weights.\n" + STEP.format("python get.py", 1)), "acme/weights", "acme/weights"),
        "behind another": (run('Traceback (most recent call last):\n  File "/home/user/app/model.py", line 3, in load\n    get()\nhuggingface_hub.errors.GatedRepoError: 401 Client Error.\n\nThe above exception was the direct cause of the following exception:\n\n' + APP + "    load()\nRuntimeError: no model\n"), "GatedRepoError", "accept its terms"),
    },
    "missing-setting": {
        "environ": (run(APP + '    key = os.environ["WEATHER"]\n  File "<frozen os>", line 685, in __getitem__\nKeyError: \'WEATHER\'\n'), "KeyError: 'WEATHER'", "Set WEATHER as a secret or variable in https://huggingface.co/spaces/acme/demo/settings"),
        "no frames": (run("KeyError: 'MAIL_API_KEY'\n"), "MAIL_API_KEY", "MAIL_API_KEY"),
        "own words": (run(APP + "    main()\nValueError: SERPER_API_KEY environment variable is not set\n"), "SERPER_API_KEY", "Set SERPER_API_KEY"),
        "openai": (run(APP + "    OpenAI()\nopenai.OpenAIError: The api_key client option must be set either by passing api_key to the client or by setting the OPENAI_API_KEY environment variable\n"), "api_key", "OPENAI_API_KEY"),
        "pydantic": (run(APP + "    Settings()\npydantic_core._pydantic_core.ValidationError: 1 validation error for Settings\nurl\n  Field required [type=missing, input_value={}, input_type=dict]\n"), "Settings", "what the app asks for"),
        "node": (run("Error: Please set the MONGO_URI environment variable\n    at /app/server.js:4:9\n\nNode.js v20.18.0\n"), "MONGO_URI", "MONGO_URI"),
    },
    "no-gpu": {
        "no driver": (run(APP + "    model.cuda()\nRuntimeError: Found no NVIDIA driver on your system. Please check that you have an NVIDIA GPU and installed a driver\n"), "NVIDIA", "GPU hardware"),
        "CPU wheel": (run(APP + "    model.cuda()\nAssertionError: Torch not compiled with CUDA enabled\n"), "not compiled", "CPU"),
        "weights": (run(APP + "    torch.load('x')\nRuntimeError: Attempting to deserialize object on a CUDA device but torch.cuda.is_available() is False.\n"), "deserialize", "map_location"),
        "library": (run(APP + "    import x\nImportError: libcuda.so.1: cannot open shared object file: No such file or directory\n"), "libcuda", "GPU hardware"),
    },
    "port-taken": {
        "gradio": (run(APP + "    demo.launch()\nOSError: Cannot find empty port in range: 7860-7860. You can specify a different port by setting the GRADIO_SERVER_PORT environment variable\n"), "7860", "listens on port 7860"),
        "uvicorn": (run("ERROR:    [Errno 98] error while attempting to bind on address ('0.0.0.0', 7860): address already in use\n"), "already in use", "port 7860 already"),
        "node": (run("Error: listen EADDRINUSE: address already in use :::3000\n    at Server.setupListenHandle [as _listen2] (node:net:1817:16)\n"), "EADDRINUSE", "port 3000"),
        "java": (run("***************************\nAPPLICATION FAILED TO START\n***************************\n\nDescription:\n\nWeb server failed to start. Port 8080 was already in use.\n"), "8080", "port 8080"),
    },
    "incompatible-versions": {
        "name gone": (run(APP + f"    from transformers import AdamW\nImportError: cannot import name 'AdamW' from 'transformers' ({LIBRARY}/transformers/__init__.py)\n"), "AdamW", "transformers has no AdamW"),
        "module gone": (run(APP + "    from langchain.chat_models import ChatOpenAI\nModuleNotFoundError: No module named 'langchain.chat_models'\n"), "langchain.chat_models", "older langchain"),
        "attribute gone": (run(APP + "    gr.inputs.Image()\nAttributeError: module 'gradio' has no attribute 'inputs'\n"), "inputs", "gradio has no inputs"),
        "argument gone": (run(APP + "    gr.Chatbot(likeable=True)\nTypeError: Chatbot.__init__() got an unexpected keyword argument 'likeable'\n"), "likeable", "fit together"),
        "within packages": (run(APP + f'    import a\n  File "{LIBRARY}/a/__init__.py", line 2, in <module>\n    b.setup()\nAttributeError: type object \'B\' has no attribute \'setup\'\n'), "setup", "fit together"),
        "behind Gradio's look at itself": (run("TypeError: argument of type 'bool' is not iterable\nValueError: When localhost is not accessible, a shareable link must be created. Please set share=True or check your proxy settings to allow access to localhost.\n"), "bool", "sdk_version"),
        "binary": (run(APP + f"    import flash_attn\nImportError: {LIBRARY}/flash_attn_2_cuda.so: undefined symbol: _ZN3c104cuda9SetDeviceEi\n"), "undefined symbol", "Pin"),
        "wrapped": (run("╰──────────────────────────────────────────────────╯\nPydanticImportError: `BaseSettings` has been moved to the \n`pydantic-settings` package.\n"), "PydanticImportError", "pydantic-settings"),
    },
    "own-module-missing": {
        "usual name": (run(APP + "    from utils import clean\nModuleNotFoundError: No module named 'utils'\n"), "utils", "Push utils"),
        "seen in frames": (run('Traceback (most recent call last):\n  File "/app/cockpit/main.py", line 1, in <module>\n    import cockpit.views\nModuleNotFoundError: No module named \'cockpit\'\n'), "cockpit", "PYTHONPATH"),
        "file of the repository": (run(APP + "    import zebra\nModuleNotFoundError: No module named 'zebra'\n") | {"files": ["app.py", "lib/zebra.py"]}, "zebra", "Push zebra"),
        "name of an own module": (run(APP + "    from engine import start\nImportError: cannot import name 'start' from 'engine' (/home/user/app/engine.py)\n"), "start", "engine"),
        "uvicorn": (run('ERROR:    Error loading ASGI app. Could not import module "server.main".\n'), "server.main", "server.main"),
        "node": (run("Error: Cannot find module './routes'\nRequire stack:\n- /app/server.js\n\nNode.js v20.18.0\n"), "./routes", "./routes"),
        "of gunicorn's command": (run(f'Traceback (most recent call last):\n  File "{LIBRARY}/gunicorn/util.py", line 370, in import_app\n    mod = importlib.import_module(module)\n  File "/usr/local/lib/python3.11/importlib/__init__.py", line 126, in import_module\nModuleNotFoundError: No module named \'zoo\'\n\n[2026-03-02 09:17:00 +0000] [7] [INFO] Worker exiting (pid: 7)\n'), "zoo", "Push zoo"),
        "shadowed": (run(APP + "    import zoo.lion\nModuleNotFoundError: No module named 'zoo.lion'; 'zoo' is not a package\n"), "zoo", "zoo.lion"),
    },
    "module-not-installed": {
        "plain": (run(APP + "    import pandas\nModuleNotFoundError: No module named 'pandas'\n"), "pandas", "Add pandas to requirements.txt"),
        "another name": (run(APP + "    import cv2\nModuleNotFoundError: No module named 'cv2'\n"), "cv2", "opencv-python-headless"),
        "python -m": (run("/usr/local/bin/python: No module named uvicorn\n"), "uvicorn", "Add uvicorn"),
        "library": (run(APP + "    import cv2\nImportError: libGL.so.1: cannot open shared object file: No such file or directory\n"), "libGL.so.1", "packages.txt"),
        "node": (run("Error: Cannot find module 'express'\nRequire stack:\n- /app/server.js\n\nNode.js v20.18.0\n"), "express", "package.json"),
        "R": (run("Error in library(DT) : there is no package called ‘DT’\nExecution halted\n"), "DT", "install.packages"),
        "hint": (run(APP + '    app.post("/")\nRuntimeError: Form data requires "python-multipart" to be installed.\n'), "python-multipart", "Add python-multipart"),
    },
    "permission-denied": {
        "python": (run(APP + "    os.makedirs('/data/x')\nPermissionError: [Errno 13] Permission denied: '/data/x'\n"), "/data/x", "(/data/x)"),
        "nginx": (run('nginx: [emerg] mkdir() "/var/lib/nginx/body" failed (13: Permission denied)\n'), "nginx", "/var/lib/nginx/body"),
        "script": (message('Exit code: 128. Reason: failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: "/app/run.sh": permission denied'), "run.sh", "/app/run.sh"),
        "low port": (run("2026/03/02 09:16:41 listen tcp :80: bind: permission denied\n"), ":80", "below 1024"),
        "rust": (run("The application panicked (crashed).\nMessage:  called `Result::unwrap()` on an `Err` value: Os { code: 13, kind: PermissionDenied }\n"), "PermissionDenied", "user 1000"),
        "in a build": (build("mkdir: cannot create directory '/srv/x': Permission denied\n" + STEP.format("mkdir /srv/x", 1)), "/srv/x", "/srv/x"),
    },
    "file-not-found": {
        "python": (run(APP + "    open('model.pkl')\nFileNotFoundError: [Errno 2] No such file or directory: 'model.pkl'\n"), "model.pkl", "Push model.pkl"),
        "of a model": (run(APP + "    load()\nOSError: acme/lora does not appear to have a file named config.json. Checkout 'https://huggingface.co/acme/lora/tree/main' for available files.\n"), "config.json", "its repository has no config.json"),
        "command": (run("/entrypoint.sh: line 4: redis-server: command not found\n"), "redis-server", "redis-server"),
        "start script": (run("exec /app/start.sh: no such file or directory\n"), "start.sh", "/app/start.sh"),
        "in a build": (build("ERROR: Could not open requirements file: [Errno 2] No such file or directory: 'requirements.txt'\n" + PIP), "requirements.txt", "Push requirements.txt"),
        "program": (message('Exit code: 128. Reason: failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: exec: "gunicorn": executable file not found in $PATH'), "gunicorn", "gunicorn"),
    },
    "download-failed": {
        "time out": (run(APP + "    get()\nrequests.exceptions.ReadTimeout: HTTPSConnectionPool(host='cdn.example.org', port=443): Read timed out. (read timeout=10)\n"), "cdn.example.org", "cdn.example.org"),
        "no name": (run(APP + "    get()\nurllib.error.URLError: <urlopen error [Errno -3] Temporary failure in name resolution>\n"), "name resolution", "Restart the Space"),
        "gateway": (message("Exit code: 1. Reason: tail of a line\nrequests.exceptions.HTTPError: 502 Server Error: Bad Gateway for url: https://huggingface.co/api/models/acme/x"), "502", "https://huggingface.co/api/models/acme/x"),
        "in a build": (build("curl: (22) The requested URL returned error: 404\n" + STEP.format("curl -fO https://example.org/x", 22)), "404", "address"),
    },
    "build-step-failed": {
        "types": (build("src/App.tsx(3,1): error TS2304: Cannot find name 'foo'.\n" + STEP.format("npm run build", 2)), "TS2304", "this step of the build"),
        "command": (build("/bin/sh: 1: yarn: not found\n" + STEP.format("yarn build", 127)), "yarn: not found", "push again"),
        "nothing but the step": (build(STEP.format("./setup.sh", 3)), "./setup.sh", "this step"),
        "nothing but the message": (message('Job failed with exit code: 1. Reason: cache miss: [4/4] RUN ./setup.sh\n{"total":9,"completed":3}', "BUILD_ERROR"), "Job failed with exit code: 1", "this step"),
        "after another step's note": (build("ERROR: pip's dependency resolver does not currently take into account all the packages that are installed.\nx 1.0 requires y<2, but you have y 2.1 which is incompatible.\nDONE 12.0s\n\n--> RUN cargo build --release\nerror[E0432]: unresolved import `crate::api`\nerror: could not compile `app` due to 1 previous error\n" + STEP.format("cargo build --release", 101)), "E0432", "this step"),
    },
    "app-error": {
        "exception": (run(APP + "    rows[9]\nIndexError: list index out of range\n"), "IndexError", "in the app"),
        "syntax": (run('  File "/home/user/app/app.py", line 9\n    def f(\n         ^\nSyntaxError: \'(\' was never closed\n'), "SyntaxError", "in the app"),
        "own function": (run(APP + "    compute(a=1)\nTypeError: compute() got an unexpected keyword argument 'a'\n"), "compute", "in the app"),
        "own server": (run(APP + "    requests.get(url)\nrequests.exceptions.ConnectionError: HTTPConnectionPool(host='localhost', port=11434): Max retries exceeded\n"), "11434", "in the app"),
        "go": (run("panic: runtime error: index out of range [3] with length 3\n\ngoroutine 1 [running]:\nexit status 2\n"), "index out of range", "in the app"),
        "rust": (run("thread 'main' panicked at src/main.rs:18:10:\ncalled `Option::unwrap()` on a `None` value\n"), "Option::unwrap()", "in the app"),
        "java": (run('Exception in thread "main" java.lang.IllegalStateException: no configuration\n\tat acme.Main.main(Main.java:12)\nCaused by: java.lang.NullPointerException: name is null\n\tat acme.Main.load(Main.java:30)\n'), "NullPointerException", "in the app"),
        "key of a table": (run(APP + "    frame['price']\nKeyError: 'price'\n"), "KeyError: 'price'", "in the app"),
        "segmentation fault": (message("Exit code: 139. Reason: "), "139", "in the app"),
    },
}

CASES = [pytest.param(word, *case, id=f"{word}: {situation}") for word, cases in SAMPLES.items() for situation, case in cases.items()]

NOISE_AROUND = (
    f"{LIBRARY}/torch/cuda/__init__.py:174: UserWarning: CUDA initialization: Found no NVIDIA driver on your system.\n"
    "WARNING: Running pip as the 'root' user can result in broken permissions\n"
    "npm warn ERESOLVE overriding peer dependency\n"
    "FutureWarning: `TRANSFORMERS_CACHE` is deprecated and will be removed in v5 of Transformers.\n"
    "INFO: retry 1 of 3 after 429 Too Many Requests\n"
)

# What a Space shows in which nothing failed, or whose failure was survived; nothing but app-error may be said of it.
NOT_NAMED = {
    "a server that serves": run("INFO:     Application startup complete.\nINFO:     Uvicorn running on http://0.0.0.0:7860\n"),
    "a request that failed": run('INFO:     Application startup complete.\nERROR:    Exception in ASGI application\nTraceback (most recent call last):\n  File "/app/main.py", line 4, in read\nFileNotFoundError: [Errno 2] No such file or directory: \'x\'\n'),
    "a request of Gradio": run(f'* Running on local URL:  http://0.0.0.0:7860\nTraceback (most recent call last):\n  File "{LIBRARY}/gradio/queueing.py", line 624, in process_events\ntorch.OutOfMemoryError: CUDA out of memory.\n'),
    "an import that may fail": run(APP + "    import xformers\nModuleNotFoundError: No module named 'xformers'\nxformers is not there, continuing without it\n"),
    "a failure before it served": run(APP + "    import triton\nModuleNotFoundError: No module named 'triton'\n* Running on local URL:  http://0.0.0.0:7860\n"),
    "warnings": run(NOISE_AROUND),
    "a build that ended well": build("Successfully installed gradio-5.1.0\nDONE 42.1s\n\n--> Pushing image\nDONE 3.1s\n", None),
    "a build with pip's note": build("ERROR: pip's dependency resolver does not currently take into account all the packages that are installed.\ngradio 3.50.2 requires numpy~=1.0, but you have numpy 2.0.0 which is incompatible.\nDONE 4.0s\n--> Pushing image\n", None),
}


def diagnosed(space):
    space = {"files": (), "settings": "https://huggingface.co/spaces/acme/demo/settings", "log_kind": None} | space
    return diagnose(**{**space, "log": space["log"].splitlines(keepends=True)})


@pytest.mark.parametrize(("word", "space", "evidence", "remedy"), CASES)
def test_a_failure_is_named_shown_and_can_be_followed(word, space, evidence, remedy):
    """The word is the table's, the evidence holds what proves it in one line, the remedy names what is concerned."""
    found = diagnosed(space)
    assert (found.cause, found.blame) == (word, next(row.blame for row in CAUSES if row.word == word))
    assert evidence in found.evidence and "\n" not in found.evidence
    assert remedy in found.remedy and "{" not in found.remedy and found.link.startswith(DOCS)


@pytest.mark.parametrize(("word", "space", "evidence", "remedy"), [case for case in CASES if case.values[1]["log"]])
def test_what_stands_before_a_failure_does_not_mislead(word, space, evidence, remedy):
    """Warnings, notes and retries of a healthy start stand before the failure, and another is named by none of them."""
    head, _, rest = space["log"].partition("\n")
    assert diagnosed(space | {"log": f"{head}\n{NOISE_AROUND}{rest}"}).cause == word


@pytest.mark.parametrize("space", NOT_NAMED.values(), ids=NOT_NAMED.keys())
def test_what_did_not_fail_is_not_named(space):
    """No word is better than a wrong one; a line to look at is shown all the same."""
    found = diagnosed(space)
    assert found.cause in ("", "app-error") and found.evidence


def test_every_word_of_the_contract_has_a_row_and_samples():
    """And no row is there that the contract does not promise (docs/contract.md, Causes)."""
    rows = re.findall(r"^\| `(app|settings|account|hub)` \| (.+) \|$", CONTRACT.read_text(), re.MULTILINE)
    promised = {(blame, word) for blame, words in rows for word in re.findall("`([a-z-]+)`", words)}
    assert {blame for blame, _ in promised} == {blame.value for blame in Blame}
    assert {(row.blame.value, row.word) for row in CAUSES} == promised
    assert {row.word for row in CAUSES} == SAMPLES.keys() and all(len(cases) >= 3 for cases in SAMPLES.values())


@pytest.mark.parametrize("row", CAUSES, ids=lambda row: row.word)
def test_every_row_says_how_it_looks_and_what_to_do(row):
    """In a sentence that fits behind the message, with a link into Hugging Face's documentation."""
    assert row.looks and re.fullmatch(r"[A-Z][^\n]{10,170}[^.;]", row.remedy)
    assert re.fullmatch(re.escape(DOCS) + r"/[a-z-]+(#[a-z-]+)?", row.link)
