"""Causes that the Hub names in its own message: accounts, hardware, its own faults, and apps that do not start."""

from hf_action.diagnosis.conditions import in_zerogpu, is_platforms_own
from hf_action.diagnosis.evidence import Source
from hf_action.diagnosis.signs import Blame, Cause, docs, sign

MESSAGE, RUN, BUILD = Source.MESSAGE, Source.RUN, Source.BUILD
BUILD_MESSAGE, RUN_MESSAGE = Source.BUILD_MESSAGE, Source.RUN_MESSAGE

ACCOUNT = (
    Cause(
        word="blocked",
        blame=Blame.ACCOUNT,
        looks="Blocked by abuse-handler by rule: …",
        remedy="Write to website@huggingface.co: only Hugging Face can lift this block",
        link=docs("moderation"),
        signs=(
            sign(
                MESSAGE,
                r"\babuse\b|\babusive\b|abuse-handler",
                r"\b(?:space|account|user) (?:is|was|has been) (?:blocked|suspended|disabled|banned)",
                r"violat\w{1,5} .{0,40}(?:terms|policy|guidelines)|blocked by",
                any_case=True,
            ),
        ),
    ),
    Cause(
        word="spend-limit",
        blame=Blame.ACCOUNT,
        looks="Resource group spend limit reached",
        remedy=(
            "Raise the spend limit of the organization or resource group in its billing settings, or wait "
            "for the next period"
        ),
        link=docs("billing"),
        signs=(
            sign(
                MESSAGE,
                r"spend(?:ing)?[ _-]limit|budget (?:limit )?(?:reached|exceeded)",
                any_case=True,
            ),
        ),
    ),
    Cause(
        word="quota-reached",
        blame=Blame.ACCOUNT,
        looks="Quota exceeded for flavor cpu-basic (requested=1): current=0, limit=0",
        remedy="Pause other Spaces of this owner, or choose a plan with more hardware: https://huggingface.co/pricing",
        link=docs("spaces-overview#hardware-resources"),
        signs=(
            sign(
                MESSAGE,
                r"quota exceeded for flavor (?P<flavor>[\w-]{1,40})|reached your .{0,40}quota|hardware quota",
                r"exceeded your .{0,40}quota|quota (?:limit|exceeded|reached)|pause your previous spaces",
                any_case=True,
            ),
        ),
    ),
    Cause(
        word="payment-required",
        blame=Blame.ACCOUNT,
        looks="A payment method is required for this hardware",
        remedy="Add a payment method or credits to the owner's account: https://huggingface.co/settings/billing",
        link=docs("billing"),
        signs=(
            sign(
                MESSAGE,
                r"payment (?:method )?(?:is )?required|add a payment method|insufficient (?:credits|funds|balance)",
                r"(?:requires?|need) .{0,30}(?:pro|paid|enterprise|team) (?:subscription|plan|account)",
                r"subscription (?:is )?required|billing",
                any_case=True,
            ),
            sign(
                RUN,
                r"402 Client Error|402 Payment Required|exceeded your monthly included credits",
            ),
        ),
    ),
)

HARDWARE = (
    Cause(
        word="zerogpu-rule",
        blame=Blame.APP,
        looks="No @spaces.GPU function detected during startup",
        remedy=(
            "Put @spaces.GPU on the functions that use the GPU, import spaces before torch, and use CUDA "
            "only inside them; or choose other hardware"
        ),
        link=docs("spaces-zerogpu"),
        signs=(
            sign(
                MESSAGE,
                r"(?P<package>[\w-]{1,40}) version in requirements\.txt is not compatible with zerogpu",
                any_case=True,
                remedy=(
                    "Set {package} in requirements.txt to one of the versions that the message names, or "
                    "choose other hardware"
                ),
            ),
            sign(
                MESSAGE,
                r"@?spaces\.GPU\b|zero[ -]?gpu",
                any_case=True,
            ),
            sign(
                RUN,
                r"No @spaces\.GPU function detected|CUDA must not be initialized in the main process",
                r"CUDA has been initialized before importing the `spaces`|Low-level CUDA init reached",
                r"illegal duration",
            ),
            sign(
                RUN,
                r"No CUDA GPUs are available|Cannot re-initialize CUDA in forked",
                when=in_zerogpu,
            ),
        ),
    ),
    Cause(
        word="no-hardware-free",
        blame=Blame.HUB,
        looks="Scheduling failure: unable to schedule",
        remedy="Restart the Space later, or choose other hardware: no machine of this kind is free now",
        link=docs("spaces-gpus"),
        signs=(
            sign(
                MESSAGE,
                r"scheduling failure|not enough hardware capacity|(?:unable|failed) to schedule|no capacity",
                r"insufficient capacity|out of capacity",
                any_case=True,
            ),
        ),
    ),
    Cause(
        word="build-out-of-memory",
        blame=Blame.APP,
        looks="Job failed with exit code: 137",
        remedy=(
            "Make the build need less memory: smaller or ready-made packages, fewer parallel jobs, smaller "
            "layers. The hardware of the Space does not change the builder"
        ),
        link=docs("spaces-sdks-docker"),
        signs=(
            sign(
                BUILD_MESSAGE,
                r"exit(?:ed with)? code:? 137|OOMKilled|(?i:memory limit exceeded|out of memory)",
            ),
            sign(
                BUILD,
                r"exit(?:ed with)? code:? 137|Killed signal terminated program|heap out of memory",
                r"(?i:cannot allocate memory)|signal: 9, SIGKILL|signal: killed|^\s{0,20}MemoryError",
                r"std::bad_alloc|java\.lang\.OutOfMemoryError|(?:^|\d |: )Killed\b",
            ),
        ),
    ),
    Cause(
        word="out-of-memory",
        blame=Blame.APP,
        looks="Memory limit exceeded (16Gi); CUDA out of memory",
        remedy="Load less, or in lower precision, or choose hardware with more memory",
        link=docs("spaces-gpus"),
        signs=(
            sign(
                RUN_MESSAGE,
                r"(?i:memory limit exceeded|oom[ -]?killed|out of memory)|[Ee]xit code:? 137\b",
            ),
            sign(
                RUN,
                r"CUDA out of memory|CUDA error: out of memory|OutOfMemoryError|^MemoryError",
                r"Cannot allocate memory|can't allocate memory|not enough memory|std::bad_alloc",
                r"Unable to allocate .{1,40} for an array|heap out of memory|\bKilled$|SIGKILL",
                r"exited with code 137|ResourceExhausted.{0,20}OOM|out of memory trying to allocate",
            ),
        ),
    ),
    Cause(
        word="disk-full",
        blame=Blame.APP,
        looks="No space left on device; Workload evicted, storage limit exceeded (50G)",
        remedy="Download and keep less, delete what is not needed any more, or attach storage to the Space",
        link=docs("spaces-storage"),
        signs=(
            sign(
                MESSAGE,
                r"storage limit exceeded|ephemeral.storage|no space left|disk (?:is )?full|disk quota",
                any_case=True,
            ),
            sign(
                Source.LOG,
                r"No space left on device|ENOSPC|Disk quota exceeded|not enough free disk space",
                r"don't have enough free space",
            ),
        ),
    ),
    Cause(
        word="hub-fault",
        blame=Blame.HUB,
        looks="Exit code: 128. Reason: failed to create containerd task …; Exit code: ?. Reason:",
        remedy="Restart the Space; if it fails again, see https://status.huggingface.co",
        link=docs("spaces-overview"),
        signs=(
            sign(
                MESSAGE,
                r"[Ee]xit code: \?|context (?:canceled|deadline exceeded)",
                (
                    r"(?i:failed to (?:create|start) (?:containerd|shim) task|failed to pull image"
                    r"|ImagePullBackOff|ErrImagePull|internal (?:server )?error|something went wrong"
                    r"|service unavailable|bad gateway|gateway time-?out|node (?:shutdown|lost)|preempted"
                    r"|workload (?:was )?evicted)"
                ),
                when=is_platforms_own,
            ),
            sign(
                Source.BUILD_MESSAGE,
                r"exit code: 143",  # ended from outside, which no step does to its builder
            ),
            sign(
                BUILD,
                (
                    r"(?i:failed to (?:push|export|copy).{0,200}(?:unexpected status|50\d|unauthorized"
                    r"|timeout|EOF|reset)|rpc error: code = Unavailable|error: failed to receive status)"
                ),
            ),
        ),
    ),
)

STARTING = (
    Cause(
        word="slow-start",
        blame=Blame.APP,
        looks="Launch timed out, workload was not healthy after 30 min, while it still downloads or loads",
        remedy="Listen first and load afterwards, or raise startup_duration_timeout in README.md",
        link=docs("spaces-config-reference"),
        signs=(
            sign(
                Source.STARTING,
                r"\d{1,3}%\|| [\d.]{1,8} ?[kMG]i?B/s",
                (
                    r"(?i:\b(?:download|load|fetch|install|compil|pull|migrat|collect|convert|index"
                    r"|initiali[sz])(?:ing|ation)\b)"
                ),
            ),
        ),
    ),
    Cause(
        word="not-listening",
        blame=Blame.APP,
        looks="Launch timed out, workload was not healthy after 30 min; Exit code: 0",
        remedy=(
            "Listen on 0.0.0.0 and on the port that README.md names as app_port (7860 where it names none); "
            "the log shows {port}"
        ),
        link=docs("spaces-sdks-docker"),
        signs=(
            sign(
                Source.ADDRESS,
                r"(?:[\d.]{7,15}|localhost|\*|\[?::1?\]?):(?P<port>\d{2,5})\b|port:? (?P<port>\d{2,5})\b",
            ),
            sign(
                MESSAGE,
                r"launch timed out|was not healthy after|not healthy",
                any_case=True,
                remedy=(
                    "Listen on 0.0.0.0 and on the port that README.md names as app_port (7860 where it names "
                    "none), or raise startup_duration_timeout there"
                ),
            ),
            sign(
                RUN_MESSAGE,
                r"exit code: 0\b|does not seem to be initialized",
                any_case=True,
                remedy=(
                    "The app ended without an error instead of serving: start a server on 0.0.0.0:7860 that "
                    "keeps running"
                ),
            ),
        ),
    ),
)
