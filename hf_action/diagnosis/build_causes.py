"""Causes for which a build fails: images, Dockerfiles, and the packages of pip, uv, npm, apt, cargo and others."""

from hf_action.diagnosis.conditions import needs_other_python
from hf_action.diagnosis.evidence import Source
from hf_action.diagnosis.signs import Blame, Cause, docs, sign

BUILD, LOG = Source.BUILD, Source.LOG
ANY_BUILD = Source.BUILD | Source.BUILD_MESSAGE

# Modules that left Python's standard library (PEP 594, PEP 632, What's New in Python 3.12 and 3.13).
LEFT_PYTHON = (
    "audioop|pyaudioop|distutils|imp|asyncore|asynchat|smtpd|cgi|cgitb|crypt|imghdr|sndhdr|telnetlib|pipes|nntplib|uu"
    "|xdrlib|aifc|chunk|sunau|lib2to3|mailcap|nis|spwd|msilib"
)

IMAGES = (
    Cause(
        word="base-image-not-found",
        blame=Blame.APP,
        looks="--> ERROR: docker.io/library/node:29-slimm: not found",
        remedy=(
            "Name an image and tag that exist in FROM of the Dockerfile ({image} is not found), or put "
            "python_version of README.md in quotes"
        ),
        link=docs("spaces-sdks-docker"),
        signs=(
            sign(
                ANY_BUILD,
                r"ERROR: (?P<image>[\w./@:-]{1,200}): not found",
                (
                    r"failed to resolve source metadata for (?P<image>[\w./@:-]{1,200}): .{0,200}(?:not found"
                    r"|denied|manifest unknown|no match for platform|authorization failed)"
                ),
            ),
            sign(
                ANY_BUILD,
                r"manifest unknown|manifest for (?P<image>[\w./@:-]{1,200}) not found",
                r"pull access denied(?: for (?P<image>[\w./@:-]{1,200}))?|no match for platform in manifest",
            ),
        ),
    ),
    Cause(
        word="dockerfile-error",
        blame=Blame.APP,
        looks=(
            "dockerfile parse error on line 12: unknown instruction: RUNN; COPY of a file that is not in the repository"
        ),
        remedy="Correct the Dockerfile at {place}; what COPY and ADD name must be in the repository",
        link=docs("spaces-sdks-docker"),
        signs=(
            sign(
                ANY_BUILD,
                r"(?i:dockerfile) parse error(?: on)? (?P<place>line \d{1,6})|(?i:unknown instruction: )\S",
                r"invalid reference format|failed to parse stage name|base name .{0,60}should not be blank",
                r"target stage .{0,100}could not be found|circular dependency detected",
                r"flag provided but not defined|dockerfile contains no stages|unknown flag: ",
            ),
            sign(
                ANY_BUILD,
                (
                    r"failed to (?:compute cache key"
                    r"|calculate checksum of ref).{0,400}\"(?P<place>[^\"]{1,200})\": not found"
                ),
                r"\"(?P<place>/[^\"]{0,200})\": not found|COPY failed: |ADD failed: ",
                r"lstat \S{1,200}: no such file|when using COPY with more than one source",
            ),
            sign(
                Source.CACHE_LIST,
                r"cache miss: \[[^\]]{1,60}\] (?P<place>(?:COPY|ADD) [^|>]{1,200}?) ?(?:\|\||2?>)",
                remedy="COPY and ADD know no shell: take the redirection and || off {place}, and push what it copies",
            ),
        ),
    ),
)

PACKAGES = (
    Cause(
        word="malformed-requirements",
        blame=Blame.APP,
        looks="ERROR: Invalid requirement: 'torch torchvision' (from line 1 of requirements.txt)",
        remedy="Correct {line}: one requirement a line, such as torch==2.6.0, in UTF-8",
        link=docs("spaces-dependencies"),
        signs=(
            sign(
                LOG,
                r"Invalid requirement: .{0,800}\((?:from )?(?P<line>line \d{1,6} of [^)]{1,200})\)",
            ),
            sign(
                BUILD,
                r"Invalid requirement|InvalidRequirement|RequirementParseError|(?i:couldn't parse requirement)",
                r"Expected package name at the start|Expected (?:end or )?semicolon|Invalid URL (?:given|')",
                r"is not a valid editable requirement|RequirementsFileParseError",
                r"'utf-?8' codec can't decode byte 0xff|not a valid wheel filename|Invalid wheel filename",
                r"does not appear to be a Python project|is not installable\. (?:File|Neither)",
                r"no such option: --?\S{1,60}|Unsupported requirement|Unexpected '.{1,3}', expected one of",
                r"EJSONPARSE",
            ),
        ),
    ),
    Cause(
        word="python-version",
        blame=Blame.APP,
        looks="ModuleNotFoundError: No module named 'cgi'; requires a different Python: 3.10.13 not in '>=3.11'",
        remedy=(
            "Set python_version in README.md (a Docker Space: FROM) to a Python that the packages support, "
            "or raise the packages that need an older one"
        ),
        link=docs("spaces-config-reference"),
        signs=(
            sign(
                LOG,
                r"requires a different Python: (?P<module>.{1,80})|requires Python '?[<>=!~].{0,60}but .{0,60}",
                r"Python (?:version )?[<>]?=?\d[\d.]{1,6} is not supported|(?i:unsupported python version)",
                r"newer than PyO3's maximum supported version|Cannot install on Python version",
                r"only supports? Python|does not satisfy Python|requires Python (?:version )?\d",
                r"Python \S{1,12} or (?:newer|higher|later|above) is required",
                r"currently activated Python version \S{1,12} is not supported",
            ),
            sign(
                BUILD,
                r"No matching distribution found for (?P<module>[\w.\[\]-]{1,100}==(?P<version>[\w.]{1,40}))",
                when=needs_other_python,
            ),
            sign(
                LOG,
                rf"No module named '(?P<module>{LEFT_PYTHON})(?:'|\.)",
                remedy=(
                    "{module} is not part of Python any more: set python_version in README.md (a Docker "
                    "Space: FROM) to an older Python such as 3.11, or raise the package that imports it"
                ),
            ),
            sign(
                LOG,
                (
                    r"has no attribute '(?P<module>ImpImporter|getargspec|coroutine|Callable|Mapping"
                    r"|MutableMapping|Iterable|SafeConfigParser|readfp)'"
                ),
                r"unsupported operand type\(s\) for \|: '(?:type|ABCMeta|_GenericAlias|NoneType)'",
                r"'type' object is not subscriptable|fromisoformat: argument must be|use_2to3 is invalid",
            ),
        ),
    ),
    Cause(
        word="apt-package-not-found",
        blame=Blame.APP,
        looks=(
            "E: Unable to locate package libgl1-mesa-glxx; E: Package 'python3.9-dev' has no installation candidate"
        ),
        remedy=(
            "Correct or replace {package} in packages.txt or the Dockerfile: the image's distribution does "
            "not have it (libgl1-mesa-glx is libgl1 today), or pin an older image"
        ),
        link=docs("spaces-dependencies"),
        signs=(
            sign(
                BUILD,
                r"Unable to locate package (?P<package>\S{1,100})",
                r"Package '?(?P<package>[^'\s]{1,100})'? has no installation candidate",
                r"Couldn't find any package by (?:glob|regex) '(?P<package>[^']{1,100})'",
                r"E: Version '.{1,60}' for '(?P<package>[^']{1,100})' was not found",
                r"^\s{0,6}(?P<package>\S{1,100}) \(no such package\)",
                r"No match for argument: (?P<package>\S{1,100})|Unable to find a match: (?P<package>\S{1,100})",
            ),
        ),
    ),
    Cause(
        word="package-not-found",
        blame=Blame.APP,
        looks="ERROR: No matching distribution found for torch==9.9; npm error 404 Not Found",
        remedy=(
            "Correct the name or version of {package} where it is required: the registry does not have it, "
            "or not for this Python"
        ),
        link=docs("spaces-dependencies"),
        signs=(
            sign(
                LOG,
                r"No matching distribution found for (?P<package>[^\s(]{1,200})",
                r"Could not find a version that satisfies the requirement (?P<package>[^\s(]{1,200})",
            ),
            sign(
                BUILD,
                r"ecause (?P<package>\S{1,100}) was not found in the package registry",
                r"there (?:is|are) no versions? of (?P<package>\S{1,120})",
                r"ecause (?P<package>\S{1,100}) (?:was yanked|does not exist)",
            ),
            sign(
                BUILD,
                r"'(?P<package>[^']{1,150})' is not in (?:this|the npm) registry",
                r"No matching version found for (?P<package>\S{1,150})",
                r"npm (?:ERR!|error) (?:code )?(?:E404|ETARGET)|npm (?:ERR!|error) 404",
                r'''ERR_PNPM_(?:NO_MATCHING_VERSION|FETCH_404)|Couldn't find package "(?P<package>[^"]{1,150})"''',
                r'''Couldn't find any versions for "(?P<package>[^"]{1,150})"''',
            ),
            sign(
                BUILD,
                r"no matching package named `(?P<package>[^`]{1,100})`|PackagesNotFoundError",
                r"ould not find artifact (?P<package>\S{1,150})|unknown revision (?P<package>\S{1,100})",
                r"nothing provides requested (?P<package>\S{1,100})",
                r"(?<!\S)(?P<package>\S{1,100}) does not exist \(perhaps a typo",
                r"Could not find a matching version of package (?P<package>\S{1,100})",
                r"there is no package called ['‘’](?P<package>[^'’]{1,60})",
                r"ould not find gem '(?P<package>[^']{1,60})",
            ),
            sign(
                BUILD,
                r"could not read Username for 'https://(?:github|gitlab)\.com'",
                r"pathspec '(?P<package>[^']{1,100})' did not match any file",
                r"Did not find branch or tag '(?P<package>[^']{1,100})'|remote: Repository not found",
                r"repository '(?P<package>\S{1,200})/?' not found|Remote branch (?P<package>\S{1,100}) not found",
            ),
        ),
    ),
    Cause(
        word="version-conflict",
        blame=Blame.APP,
        looks=(
            "ERROR: Cannot install fastapi==0.110.0 and starlette==0.40.0 because these package versions have "
            "conflicting dependencies"
        ),
        remedy=(
            "Align or loosen the versions: {conflict} do not go together (gradio and streamlit come from "
            "sdk_version of README.md)"
        ),
        link=docs("spaces-dependencies"),
        signs=(
            sign(
                LOG,
                r"Cannot install (?P<conflict>.{1,300}) because these package versions have conflict",
            ),
            sign(
                BUILD,
                r"ERESOLVE unable to resolve|ERESOLVE could not resolve",
                r"Conflicting peer dependency: (?P<conflict>\S{1,100})",
                r"^npm (?:ERR!|error) Found: (?P<conflict>\S{1,100})",
            ),
            sign(
                LOG,
                r"No solution found when resolving|requirements are unsatisfiable|ResolutionImpossible",
                r"resolution-too-deep|ResolutionTooDeep|Double requirement given: (?P<conflict>.{1,120})",
                r"UnsatisfiableError|LibMambaUnsatisfiable|version solving failed",
                r"[Ff]ailed to select a version for|failed to resolve a set of|conflicting requests",
                r"The conflict is caused by",
            ),
            sign(
                BUILD,
                r"Wheel '(?P<conflict>[^']{1,80})' located at .{1,300} is invalid",
                remedy="Pin {conflict} in requirements.txt: pip went back to a version too old to be installed",
            ),
            sign(
                BUILD,
                r"requires .{1,100}, but you have (?P<conflict>\S{1,80} \S{1,40}) which is incompatible",
                r"has unmet dependencies|is not compatible with this version",
                r"depends? on .{1,80} but it is not (?:going to be installed|installable)",
            ),
        ),
    ),
    Cause(
        word="wheel-build-failed",
        blame=Blame.APP,
        looks="ERROR: Failed building wheel for dlib; error: metadata-generation-failed",
        remedy=(
            "Take a version of {package} that has a wheel for this Python, or install what it needs to "
            "compile (build-essential, cmake, headers) before it"
        ),
        link=docs("spaces-dependencies"),
        signs=(
            sign(
                LOG,
                r"Failed (?:building wheel for|to build) `?(?P<package>[\w.-]{1,100})",
                r"Could not build wheels for (?P<package>[\w., -]{1,200}?),? (?:which|since)",
            ),
            sign(
                LOG,
                r"metadata-generation-failed|failed-wheel-build-for-install|Failed to build installable wheels",
                r"Getting requirements to build .{0,40}did not run|legacy-install-failure",
                r"Encountered error while (?:generating package metadata|trying to install package)",
                r"Preparing metadata .{0,60}did not run|Failed to prepare distributions",
                r"The build backend returned an error|Failed to download and build `?(?P<package>[\w.-]{1,100})",
                r"error: command '\S{0,100}(?:gcc|g\+\+|cc|clang|cmake|nvcc)\S{0,20}' failed|gyp ERR!",
                r"ould not build the extension|subprocess-exited-with-error",
                r"python setup\.py (?:egg_info|bdist_wheel) did not run",
                r"Building wheel for (?P<package>[\w.-]{1,100}) .{0,40}finished with status 'error'",
            ),
        ),
    ),
)

LEFT_OVER = (
    Cause(
        word="build-step-failed",
        blame=Blame.APP,
        looks='--> ERROR: process "/bin/sh -c …" did not complete successfully, with an error of the step\'s own',
        remedy="Correct what the evidence shows in this step of the build, and push again",
        link=docs("spaces-sdks-docker"),
    ),
)
