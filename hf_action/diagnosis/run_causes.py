"""Causes for which an app does not start or ends: access, settings, hardware, ports, rights, files, downloads."""

from hf_action.diagnosis.conditions import from_environ, is_elsewhere
from hf_action.diagnosis.evidence import Source
from hf_action.diagnosis.signs import Blame, Cause, docs, sign

RUN, LOG = Source.RUN, Source.LOG

# A model or dataset, and what stands before it in addresses of its files.
REPO = r"(?P<repo>[\w.-]{1,100}(?:/[\w.-]{1,100})?)"
HUB = r"https://huggingface\.co/(?:api/)?(?:models/|datasets/|spaces/)?"
# A name as people give it to secrets and variables.
SETTING = r"(?P<variable>[A-Z][A-Z0-9]{0,40}(?:_[A-Z0-9]{1,40}){1,6})"

ACCESS = (
    Cause(
        word="gated-or-private",
        blame=Blame.SETTINGS,
        looks="GatedRepoError; RepositoryNotFoundError: 401 Client Error",
        remedy=(
            "Check the name {repo}, accept its terms on its page if it is gated, and set a valid token that "
            "may read it as secret HF_TOKEN in {settings}"
        ),
        link=docs("spaces-overview#managing-secrets"),
        signs=(
            sign(
                LOG,
                rf"(?:Cannot access gated repo|Repository Not Found) for url:? {HUB}{REPO}",
                r"Access to (?:model|dataset) (?P<repo>\S{1,200}) is restricted",
                rf"(?:^|: ){REPO} is not a local folder and is not a valid model identifier",
                r"ould not find model: (?P<repo>\S{1,200})\. If it is a private",
            ),
            sign(
                LOG,
                r"GatedRepoError|RepositoryNotFoundError|trying to access a gated repo|Cannot access gated repo",
                r"Invalid credentials in Authorization header|Invalid user token|LocalTokenNotFound",
                r"Token is required|must (?:have access to it and )?be authenticated to access",
                r"private or gated (?:repo|model)|Invalid username or password",
                r"is a gated dataset|DatasetNotFoundError|passed token .{0,40}invalid",
                r"could not read Username for 'https://huggingface\.co'|make sure to (?:pass a token|log in)",
            ),
            sign(
                LOG,
                r"\b40[13] (?:Client Error|Forbidden|Unauthorized).{0,200}huggingface\.co",
            ),
        ),
    ),
    Cause(
        word="port-taken",
        blame=Blame.APP,
        looks="OSError: Cannot find empty port in range: 7860-7860; [Errno 98] address already in use",
        remedy="Start one server only: something of the app listens on port {port} already",
        link=docs("spaces-sdks-docker"),
        signs=(
            sign(
                RUN,
                r"Cannot find empty port in range: (?P<port>\d{1,5})",
                r"EADDRINUSE(?:.{0,60}?:(?P<port>\d{2,5}))?",
                r"\('[\d.:]{2,39}', (?P<port>\d{2,5})\): address already in use",
                r"(?i:address (?:is )?already in use)(?:[^\d]{0,20}(?P<port>\d{2,5}))?",
                r"(?i:port (?P<port>\d{1,5}) (?:is |was )?(?:already |not )?(?:in use|available|occupied|taken))",
                r"(?i:only one usage of each socket address)|can't start new server .{0,40}port",
            ),
        ),
    ),
    Cause(
        word="missing-setting",
        blame=Blame.SETTINGS,
        looks="KeyError: 'MAIL_API_KEY' raised by os.environ; OPENAI_API_KEY is not set",
        remedy="Set {variable} as a secret or variable in {settings}",
        link=docs("spaces-overview#managing-secrets"),
        signs=(
            sign(
                LOG,
                r"KeyError: '(?P<variable>[A-Za-z_]\w{1,80})'",
                when=from_environ,
            ),
            sign(
                RUN,
                r"st\.secrets has no key \"(?P<variable>[^\"]{1,80})\"",
                rf"\b{SETTING}['\"`]?(?: environment variable| env(?:ironment)? var| secret| variable)?"
                r" (?:(?:is|was|are) )?(?:not (?:set|found|provided|configured|defined|specified)|missing|undefined"
                r"|empty|required|must be (?:set|provided|defined))",
            ),
            sign(
                RUN,
                r"(?i:(?:missing|please (?:set|provide|add|define)|must (?:set|provide|define)|did not find)"
                r" (?:the |an? |your )?(?:required |following )?"
                rf"(?:env(?:ironment)? var(?:iable)?s?|secrets?|variables?)?:? ?)['\"`]?{SETTING}\b",
                r"please add an environment variable `(?P<variable>\w{1,80})",
            ),
            sign(
                RUN,
                r"StreamlitSecretNotFoundError|No secrets (?:files )?found",
                r"(?i:missing (?:required )?(?:environment|env) var)",
                r"(?i:(?:no|missing|please (?:set|provide)) .{0,30}api[ _-]?key)",
                rf"api_key client option must be set(?: either by .{{0,80}}the {SETTING})?",
                r"(?i:api[ _-]?key (?:is |was )?(?:not (?:set|found|provided|configured)|missing|required))",
                (
                    r"\b(?P<variable>\w{0,40}(?:[Uu]rl|[Kk]ey|[Tt]oken|[Ss]ecret)) is required"
                    r"|UndefinedValueError: (?P<variable>\w{1,80}) not found"
                ),
            ),
            sign(
                RUN,
                r"validation errors? for \w{0,40}(?:settings|config|env)",
                any_case=True,
            ),
        ),
    ),
    Cause(
        word="no-gpu",
        blame=Blame.APP,
        looks="Found no NVIDIA driver on your system; Torch not compiled with CUDA enabled",
        remedy='Choose GPU hardware in the Space\'s Settings, or run on the CPU (device="cpu", map_location="cpu")',
        link=docs("spaces-gpus"),
        signs=(
            sign(
                RUN,
                r"Found no NVIDIA driver|No CUDA GPUs are available|Torch not compiled with CUDA enabled",
                r"torch\.cuda\.is_available\(\) is False|no CUDA-capable device|libcuda\.so|libnvidia-ml\.so",
                r"NVML Shared Library Not Found",
                r"(?i:no (?:supported )?gpu (?:backend )?(?:found|available|detected))",
                r"(?i:(?:requires?|needs?|need) (?:a |an )?(?:cuda |nvidia )?gpu\b)|A GPU is needed",
                r"cudaGetDeviceCount|NO_DEVICE|CUDA driver is a stub|requires CUDA\b",
                r"0 active drivers|Failed to infer device type|CUDA_HOME environment variable is not set",
                r"CUDA (?:is )?(?:not available|required|unavailable)|CUDA driver (?:version )?is insufficient",
                r"CUDA driver initialization failed|nvidia-smi: (?:command )?not found",
                r"(?i:gpu is (?:required|not available))|Invalid device id",
                r"MisconfigurationException: .{0,60}(?:CUDA|gpu)|Unable to find CUDA",
            ),
        ),
    ),
)

FILES = (
    Cause(
        word="permission-denied",
        blame=Blame.APP,
        looks="PermissionError: [Errno 13] Permission denied: '/.cache'",
        remedy=(
            "Let user 1000 own what the app writes ({file}): COPY --chown=1000, HOME=/home/user, or write "
            "below /tmp; a port below 1024 cannot be opened"
        ),
        link=docs("spaces-sdks-docker#permissions"),
        signs=(
            sign(
                LOG | Source.RUN_MESSAGE,
                r"(?:\[Errno (?:13|1|30)\] [\w ()-]{1,60}: '(?P<file>[^']{1,300}))",
                r"EACCES: permission denied, \w{1,12} '(?P<file>[^']{1,300})'",
                r"exec: \"(?P<file>[^\"]{1,200})\": permission denied",
                r"mkdir\(\) \"(?P<file>[^\"]{1,200})\" failed \(13",
                (
                    r"cannot (?:create|remove|open|access|touch"
                    r"|make) [^:]{0,40}['‘](?P<file>[^'’]{1,300})['’]: (?:Permission denied|Read-only"
                    r"|Operation not)"
                ),
            ),
            sign(
                LOG | Source.RUN_MESSAGE,
                r"PermissionError|\bEACCES\b|EROFS|\(13: Permission denied\)|kind: PermissionDenied",
                r"(?:^|: |\) )(?:p|P)ermission denied(?! for | \((?:publickey|password))|Operation not permitted",
                r"Read-only file system|readonly database|unable to open database file",
                r"java\.nio\.file\.AccessDeniedException|is not writable|[Ee]xit code: 126",
            ),
        ),
    ),
    Cause(
        word="file-not-found",
        blame=Blame.APP,
        looks="FileNotFoundError: [Errno 2] No such file or directory: 'model.pth'",
        remedy=(
            "Push {file} with the Space or download it when the app starts, and check upper and lower case "
            "(a program comes with packages.txt)"
        ),
        link=docs("spaces-storage"),
        signs=(
            sign(
                LOG,
                r"404 Client Error.{0,200}/resolve/[^/]{1,100}/(?P<file>\S{1,200})",
                r"does not appear to have a file named (?P<file>\S{1,100})|no file named (?P<file>[^,\s]{1,100})",
                remedy=(
                    "Correct the name of the model or dataset, or load it as what it is: its repository has no {file}"
                ),
            ),
            sign(
                RUN | Source.RUN_MESSAGE,
                r"\[Errno 2\] No such file or directory: '(?P<file>[^']{1,300})",
                r"ENOENT: no such file or directory, \w{1,12} '(?P<file>[^']{1,300})",
                r"exec: \"(?P<file>[^\"]{1,200})\": (?:stat .{1,200}: no such file|executable file not found)",
                r"exec:? (?P<file>\S{1,200}): (?:no such file|not found)",
                r"can't open file '?(?P<file>[^'\s]{1,200})'?: \[Errno 2\]",
                r"(?<![\w./-])(?P<file>[\w./-]{1,200}): (?:command not found|No such file or directory)",
                r"(?:sh: |exec: line |: line )\d{1,6}: (?:exec: )?(?P<file>[^:\s]{1,200}): not found",
            ),
            sign(
                Source.BUILD,
                r"Could not open requirements file: \[Errno 2\] .{0,60}'(?P<file>[^']{1,200})'",
                r"can't open file '?(?P<file>[^'\s]{1,200})'?: \[Errno 2\]",
                r"\[Errno 2\] No such file or directory: '(?P<file>[^']{1,300})",
                r"ENOENT: no such file or directory, open '(?P<file>[^']{1,300})",
            ),
            sign(
                RUN | Source.RUN_MESSAGE,
                r"FileNotFoundError|\b(?:Remote)?EntryNotFoundError|NotADirectoryError|No such file or directory",
                r"no such file or directory|(?i:file not found)|Executable doesn't exist at|TesseractNotFoundError",
                r"Resource .{0,30}(?P<file>\w{1,40}).{0,30} not found\.|IsADirectoryError|[Ee]xit code: 127",
                r"cannot find or open",
            ),
        ),
    ),
    Cause(
        word="download-failed",
        blame=Blame.APP,
        looks="requests.exceptions.ConnectTimeout; We couldn't connect to 'https://huggingface.co'; 504 Server Error",
        remedy=(
            "Restart the Space; if it stays, check the address {address}, and preload (preload_from_hub) or "
            "retry what is downloaded"
        ),
        link=docs("spaces-config-reference"),
        signs=(
            sign(
                LOG,
                r"(?:HTTPS?ConnectionPool\(host='(?P<address>[^']{1,200})')",
                r"couldn't connect to '(?P<address>[^']{1,200})'",
                r"\b(?:429|5\d\d) (?:Client|Server) Error.{0,80}for url: (?P<address>\S{1,200})",
                r"[Cc]ould not resolve host:? (?P<address>\S{1,200})|unable to access '(?P<address>[^']{1,200})'",
                r"Failed to fetch (?P<address>\S{1,200})",
                when=is_elsewhere,
            ),
            sign(
                LOG,
                r"ConnectTimeout|ReadTimeout|Max retries exceeded",
                r"requests\.exceptions\.(?:ConnectionError|ChunkedEncodingError|SSLError)",
                r"urllib\.error\.(?:URLError|HTTPError)|NameResolutionError",
                r"Temporary failure (?:in name resolution|resolving)|LocalEntryNotFoundError|IncompleteRead",
                r"Consistency check failed|httpx\.(?:Connect|Read)|httpcore\.(?:Connect|Read)|ClientConnectorError",
                r"RemoteDisconnected|Too Many Requests|toomanyrequests|HTTP Error (?:4|5)\d\d",
                r"(?:ERROR|returned error:) (?:4|5)\d\d\b|FileURLRetrievalError|Cannot retrieve the public link",
                r"CAS service error|RPC failed|early EOF|ETIMEDOUT|ECONNRESET|EAI_AGAIN|ENOTFOUND",
                r"network (?:timeout|error|request)|TLS handshake timeout|i/o timeout|Failed to download",
                r"download(?:ing)? failed|Error downloading|offline mode|\b(?:404|429|5\d\d) (?:Client|Server) Error",
                when=is_elsewhere,
            ),
        ),
    ),
)

LEFT_OVER = (
    Cause(
        word="app-error",
        blame=Blame.APP,
        looks="an exception of the app's own, such as IndexError: list index out of range",
        remedy="Correct what the evidence shows in the app, and push again",
        link=docs("spaces-overview"),
    ),
)
