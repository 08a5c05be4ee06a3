"""Causes for which an app does not start or ends: modules, versions, settings, files, ports, rights, downloads."""

from hf_action.diagnosis.conditions import (
    behind_localhost_check,
    calls_library,
    from_environ,
    is_foreign,
    is_own,
)
from hf_action.diagnosis.evidence import Source
from hf_action.diagnosis.signs import Blame, Cause, docs, sign

RUN, LOG = Source.RUN, Source.LOG

ACCESS = (
    Cause(
        word="gated-or-private",
        blame=Blame.SETTINGS,
        looks="GatedRepoError; RepositoryNotFoundError: 401 Client Error",
        remedy="Check the name {repo}, accept its terms on its page if it is gated, and set a valid token that may read it as secret HF_TOKEN in {settings}",
        link=docs("spaces-overview#managing-secrets"),
        signs=(
            sign(r"Cannot access gated repo for url https://huggingface\.co/(?:api/)?(?:models/|datasets/)?(?P<repo>[\w.-]{1,100}/[\w.-]{1,100})|Access to (?:model|dataset) (?P<repo2>\S{1,200}) is restricted|Repository Not Found for url: https://huggingface\.co/(?:api/)?(?:models/|datasets/|spaces/)?(?P<repo3>[\w.-]{1,100}(?:/[\w.-]{1,100})?)|(?:^|: )(?P<repo4>[\w.-]{1,100}(?:/[\w.-]{1,100})?) is not a local folder and is not a valid model identifier|ould not find model: (?P<repo5>\S{1,200})\. If it is a private", LOG),
            sign(r"GatedRepoError|RepositoryNotFoundError|trying to access a gated repo|Cannot access gated repo|Invalid credentials in Authorization header|Invalid user token|LocalTokenNotFound|Token is required|must (?:have access to it and )?be authenticated to access|private or gated (?:repo|model)|Invalid username or password|oken (?:is|has) expired|is a gated dataset|DatasetNotFoundError|passed token .{0,40}invalid|could not read Username for 'https://huggingface\.co'|make sure to (?:pass a token|log in)", LOG),
            sign(r"\b40[13] (?:Client Error|Forbidden|Unauthorized).{0,200}huggingface\.co", LOG),
        ),
    ),
    Cause(
        word="missing-setting",
        blame=Blame.SETTINGS,
        looks="KeyError: 'API_TOKEN' raised by os.environ; OPENAI_API_KEY is not set",
        remedy="Set {variable} as a secret or variable in {settings}",
        link=docs("spaces-overview#managing-secrets"),
        signs=(
            sign(r"KeyError: '(?P<variable>[A-Za-z_]\w{1,80})'", LOG, when=from_environ),
            sign(r"st\.secrets has no key \"(?P<variable>[^\"]{1,80})\"|environment variables? `?['\"]?(?P<variable2>[A-Z][A-Z0-9_]{2,80})|\b(?P<variable3>[A-Z][A-Z0-9]{0,40}(?:_[A-Z0-9]{1,40}){1,6})['\"`]? ?(?:environment variable|env(?:ironment)? var|(?:is|was|are|not|must|missing|required|undefined|needs?)\b)|(?i:(?:missing|no|set|provide|specify|define)) (?:the |a |your )?(?:required )?(?:env(?:ironment)? var(?:iable)?s?:? ?)?['\"`]?(?P<variable4>[A-Z][A-Z0-9]{0,40}(?:_[A-Z0-9]{1,40}){1,6})\b", RUN),
            sign(r"StreamlitSecretNotFoundError|No secrets (?:files )?found|(?i:missing (?:required )?(?:environment|env) var)|(?i:(?:no|missing|please (?:set|provide)) .{0,30}api[ _-]?key)|api_key client option must be set|(?i:api[ _-]?key (?:is |was )?(?:not (?:set|found|provided|configured)|missing|required))|supabase_(?:url|key) is required|UndefinedValueError: (?P<variable>\w{1,80}) not found", RUN),
            sign(r"(?i)validation errors? for \w{0,40}(?:settings|config|env)", RUN),
        ),
    ),
    Cause(
        word="no-gpu",
        blame=Blame.APP,
        looks="Found no NVIDIA driver on your system; Torch not compiled with CUDA enabled",
        remedy="Choose GPU hardware in the Space's Settings, or run on the CPU (device=\"cpu\", map_location=\"cpu\")",
        link=docs("spaces-gpus"),
        signs=(
            sign(r"Found no NVIDIA driver|No CUDA GPUs are available|Torch not compiled with CUDA enabled|torch\.cuda\.is_available\(\) is False|no CUDA-capable device|libcuda\.so|libnvidia-ml\.so|NVML Shared Library Not Found|(?i:no (?:supported )?gpu (?:backend )?(?:found|available|detected))|(?i:(?:requires?|needs?|need) (?:a |an )?(?:cuda |nvidia )?gpu\b)|A GPU is needed|0 active drivers|Failed to infer device type|CUDA_HOME environment variable is not set|CUDA (?:is )?(?:not available|required|unavailable)|CUDA driver (?:version )?is insufficient|CUDA driver initialization failed|nvidia-smi: (?:command )?not found|(?i:gpu is (?:required|not available))|Invalid device id|MisconfigurationException: .{0,60}(?:CUDA|gpu)|Unable to find CUDA", RUN),
        ),
    ),
    Cause(
        word="port-taken",
        blame=Blame.APP,
        looks="OSError: Cannot find empty port in range: 7860-7860; [Errno 98] address already in use",
        remedy="Start one server only: something of the app listens on port {port} already",
        link=docs("spaces-sdks-docker"),
        signs=(
            sign(r"Cannot find empty port in range: (?P<port>\d{1,5})|(?i:address (?:is )?already in use)(?:[^\d]{0,20}(?P<port2>\d{2,5}))?|EADDRINUSE|(?i:port (?P<port3>\d{1,5}) (?:is |was )?(?:already |not )?(?:in use|available|occupied|taken))|(?i:only one usage of each socket address)|can't start new server .{0,40}port", RUN),
        ),
    ),
)  # fmt: skip

MODULES = (
    Cause(
        word="incompatible-versions",
        blame=Blame.APP,
        looks="ImportError: cannot import name 'HfFolder' from 'huggingface_hub'",
        remedy="Pin versions of {package} and of what uses it that fit together, or raise sdk_version in README.md",
        link=docs("spaces-dependencies"),
        signs=(
            sign(r"cannot import name '(?P<name>[^']{1,100})' from '(?P<module>[\w.]{1,150})'(?! \(unknown|.{0,200}most likely due to a circular)", LOG, when=is_foreign, remedy="{module} has no {name} in the version that is installed: pin an older {module} in requirements.txt, or raise the package that imports it"),
            sign(r"No module named '(?P<module>(?P<package>[A-Za-z_]\w{0,80})\.[\w.]{1,120})'$", LOG, when=is_foreign, remedy="{package} has no {module} in the version that is installed: pin an older {package} in requirements.txt, or correct the import"),
            sign(r"module '(?P<module>[a-zA-Z_][\w.]{0,100})' has no attribute '(?P<name>\w{1,80})'", LOG, when=is_foreign, remedy="{module} has no {name} in the version that is installed: pin an older {module} in requirements.txt, or correct the app"),
            sign(r"(?P<function>\w{1,80})(?:\.__(?:init|new|call)__)?\(\) (?:got an unexpected keyword argument|missing \d{1,2} required positional)", LOG, when=calls_library),
            sign(r"(?:AttributeError|TypeError|ImportError|NameError): ", RUN, when=behind_localhost_check),
            sign(r"may indicate binary incompatibility|compiled using NumPy 1|Numpy is not available|_ARRAY_API not found|was removed in the NumPy 2|Numba needs NumPy|undefined symbol: |Descriptors cannot (?:not )?be created directly|but found (?P<package>[\w-]{1,60})==|operator torchvision::nms does not exist|compiled with different CUDA (?:major )?versions|does not recognize this architecture|has been moved to the `(?P<package2>[\w-]{1,60})` package|PydanticUserError|unsupported version of sqlite3|A module that was compiled|np\.\w{1,12}` was (?:removed|a deprecated)|(?i:version|release) (?:mismatch|conflict)|VersionConflict|requires? (?P<package3>[\w-]{1,60})[<>=]=?[\d.]{1,20}|GLIBC(?:XX)?_[\d.]{1,8}' not found|no longer supported since|DuplicateFlagError|is a required version|not compatible with|is incompatible with|FieldInfo' object|no longer a (?:supported|valid)|has been removed (?:in|from)|symbol lookup error", LOG),
        ),
    ),
    Cause(
        word="own-module-missing",
        blame=Blame.APP,
        looks="ModuleNotFoundError: No module named 'utils.text', a directory of the app",
        remedy="Push {module} with the app, check upper and lower case, and set PYTHONPATH or the working directory so that it is found",
        link=docs("spaces-sdks-docker"),
        signs=(
            sign(r"No module named '?(?P<module>[\w.]{1,150})'?|cannot import name '(?P<name>[^']{1,80})' from '(?P<module2>[\w.]{1,150})'", LOG, when=is_own),
            sign(r"Could not import module \"(?P<module>[^\"]{1,100})\"", LOG),
            sign(r"Cannot find module '(?P<module>\.{0,2}/[^']{1,200})'|Module not found: Error: Can't resolve '(?P<module2>\.{1,2}/[^']{1,200})'|ould not resolve \"(?P<module3>\.{1,2}/[^\"]{1,200})\"", LOG),
        ),
    ),
    Cause(
        word="module-not-installed",
        blame=Blame.APP,
        looks="ModuleNotFoundError: No module named 'torch'; ImportError: libGL.so.1: cannot open shared object file",
        remedy="Add {package} to requirements.txt (a Docker Space: to what the Dockerfile installs)",
        link=docs("spaces-dependencies"),
        signs=(
            sign(r"No module named '?(?P<module>[\w.-]{1,150})'?", LOG),
            sign(r"(?P<library>lib[\w.+-]{1,80}\.so[\w.]{0,20}): cannot open shared object file", RUN, remedy="The system library {library} is not installed: add its Debian package to packages.txt (libgl1 for libGL.so.1, libglib2.0-0 for libgthread), or to apt-get install in the Dockerfile"),
            sign(r"Cannot find (?:module|package) '(?P<package>[^'./][^']{0,150})'|Can't resolve '(?P<package2>[^'./][^']{0,150})'", LOG, remedy="Add {package} to package.json and install it in the Dockerfile"),
            sign(r"there is no package called ['‘](?P<package>[^'’]{1,80})", RUN, remedy="Install {package} in the Dockerfile with install.packages"),
            sign(r"PackageNotFoundError: (?:No package metadata was found for )?(?P<package>[\w.-]{1,80})|DistributionNotFound: The '(?P<package2>[^']{1,80})|Missing optional dependency '(?P<package3>[^']{1,80})'|requires? the (?P<package4>[\w.-]{1,80}) (?:library|package) but it was not found|`?pip3? install (?:-U |--upgrade )?['\"]?(?P<package5>[A-Za-z][\w.\[\]-]{1,80})|Can't find model '(?P<package6>[^']{1,80})'|requires? \"?(?P<package7>[\w-]{1,60})\"? to be installed|(?P<package8>[\w-]{1,60}) (?:is|are) not installed|Using `low_cpu_mem_usage=True`|LoadError: cannot load such file -- (?P<package9>\S{1,80})", RUN),
        ),
    ),
)  # fmt: skip

FILES = (
    Cause(
        word="permission-denied",
        blame=Blame.APP,
        looks="PermissionError: [Errno 13] Permission denied: '/.cache'",
        remedy="Let user 1000 own what the app writes ({file}): COPY --chown=1000, HOME=/home/user, or write below /tmp; a port below 1024 cannot be opened",
        link=docs("spaces-sdks-docker#permissions"),
        signs=(
            sign(r"(?:\[Errno (?:13|1|30)\] [\w ()-]{1,60}: '(?P<file>[^']{1,300}))|EACCES: permission denied, \w{1,12} '(?P<file2>[^']{1,300})'|exec: \"(?P<file3>[^\"]{1,200})\": permission denied|mkdir\(\) \"(?P<file4>[^\"]{1,200})\" failed \(13|cannot (?:create|remove|open|access|touch|make) [^:]{0,40}['‘](?P<file5>[^'’]{1,300})['’]: (?:Permission denied|Read-only|Operation not)", LOG | Source.RUN_MESSAGE),
            sign(r"PermissionError|\bEACCES\b|EROFS|\(13: Permission denied\)|kind: PermissionDenied|(?:^|: |\) )(?:p|P)ermission denied(?! \((?:publickey|password))|Operation not permitted|Read-only file system|readonly database|unable to open database file|java\.nio\.file\.AccessDeniedException|is not writable|[Ee]xit code: 126", LOG | Source.RUN_MESSAGE),
        ),
    ),
    Cause(
        word="file-not-found",
        blame=Blame.APP,
        looks="FileNotFoundError: [Errno 2] No such file or directory: 'model.pth'",
        remedy="Push {file} with the Space or download it when the app starts, and check upper and lower case (a program comes with packages.txt)",
        link=docs("spaces-storage"),
        signs=(
            sign(r"\[Errno 2\] No such file or directory: '(?P<file>[^']{1,300})|does not appear to have a file named (?P<file2>\S{1,100})|no file named (?P<file3>[^,\s]{1,100})|404 Client Error.{0,200}/resolve/[^/]{1,100}/(?P<file4>\S{1,200})|ENOENT: no such file or directory, \w{1,12} '(?P<file5>[^']{1,300})|exec: \"(?P<file6>[^\"]{1,200})\": (?:stat .{1,200}: no such file|executable file not found)|exec:? (?P<file7>\S{1,200}): (?:no such file|not found)|can't open file '?(?P<file8>[^'\s]{1,200})'?: \[Errno 2\]|(?P<file9>[\w./-]{1,200}): (?:command not found|No such file or directory)|sh: \d{1,6}: (?:exec: )?(?P<file10>[^:\s]{1,200}): not found", RUN | Source.RUN_MESSAGE),
            sign(r"Could not open requirements file: \[Errno 2\] .{0,60}'(?P<file>[^']{1,200})'|can't open file '?(?P<file2>[^'\s]{1,200})'?: \[Errno 2\]|\[Errno 2\] No such file or directory: '(?P<file3>[^']{1,300})|ENOENT: no such file or directory, open '(?P<file4>[^']{1,300})", Source.BUILD),
            sign(r"FileNotFoundError|EntryNotFoundError|NotADirectoryError|No such file or directory|no such file or directory|(?i:file not found)|Executable doesn't exist at|TesseractNotFoundError|Resource .{0,30}(?P<file>\w{1,40}).{0,30} not found\.|IsADirectoryError|[Ee]xit code: 127|cannot find or open|UnidentifiedImageError", RUN | Source.RUN_MESSAGE),
        ),
    ),
    Cause(
        word="download-failed",
        blame=Blame.APP,
        looks="requests.exceptions.ConnectTimeout; We couldn't connect to 'https://huggingface.co'; 504 Server Error",
        remedy="Restart the Space; if it stays, check the address {address}, and preload (preload_from_hub) or retry what is downloaded",
        link=docs("spaces-config-reference"),
        signs=(
            sign(r"(?:HTTPS?ConnectionPool\(host='(?P<address>[^']{1,200})')|couldn't connect to '(?P<address2>[^']{1,200})'|\b(?:429|5\d\d) (?:Client|Server) Error.{0,80}for url: (?P<address3>\S{1,200})|[Cc]ould not resolve host:? (?P<address4>\S{1,200})|unable to access '(?P<address5>[^']{1,200})'|Failed to fetch (?P<address6>\S{1,200})", LOG),
            sign(r"ConnectTimeout|ReadTimeout|Max retries exceeded|requests\.exceptions\.(?:ConnectionError|ChunkedEncodingError|SSLError|HTTPError)|urllib\.error\.(?:URLError|HTTPError)|NameResolutionError|Temporary failure (?:in name resolution|resolving)|LocalEntryNotFoundError|IncompleteRead|Consistency check failed|httpx\.(?:Connect|Read)|httpcore\.(?:Connect|Read)|ClientConnectorError|RemoteDisconnected|Too Many Requests|toomanyrequests|HTTP Error (?:4|5)\d\d|(?:ERROR|returned error:) (?:4|5)\d\d\b|FileURLRetrievalError|Cannot retrieve the public link|CAS service error|RPC failed|early EOF|ETIMEDOUT|ECONNRESET|EAI_AGAIN|ENOTFOUND|network (?:timeout|error|request)|TLS handshake timeout|i/o timeout|Failed to download|download(?:ing)? failed|Error downloading|offline mode|\b(?:429|5\d\d) (?:Client|Server) Error", LOG),
        ),
    ),
)  # fmt: skip

LEFT_OVER = (
    Cause(
        word="app-error",
        blame=Blame.APP,
        looks="an exception of the app's own, such as KeyError: 'close'",
        remedy="Correct the app where the traceback ends, and push again",
        link=docs("spaces-overview"),
    ),
)
