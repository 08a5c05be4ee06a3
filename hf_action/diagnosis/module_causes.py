"""Causes that lie in modules and their versions: not installed, not pushed, or not fitting together."""

from hf_action.diagnosis.conditions import behind_localhost_check, calls_library, in_library_import, is_foreign, is_own
from hf_action.diagnosis.evidence import Source
from hf_action.diagnosis.signs import Blame, Cause, docs, sign

RUN, LOG = Source.RUN, Source.LOG

MODULES = (
    Cause(
        word="incompatible-versions",
        blame=Blame.APP,
        looks="ImportError: cannot import name 'AdamW' from 'transformers'",
        remedy="Pin versions of {package} and of what uses it that fit together, or raise sdk_version in README.md",
        link=docs("spaces-dependencies"),
        signs=(
            sign(
                LOG,
                (
                    r"cannot import name '(?P<name>[^']{1,100})' from '(?P<module>[\w.]{1,150})'(?! \(unknown"
                    r"|.{0,200}most likely due to a circular)"
                ),
                when=is_foreign,
                remedy=(
                    "{module} has no {name} in the version that is installed: pin an older {module} in "
                    "requirements.txt, or raise the package that imports it"
                ),
            ),
            sign(
                LOG,
                r"No module named '(?P<module>(?P<package>[A-Za-z_]\w{0,80})\.[\w.]{1,120})'$",
                when=is_foreign,
                remedy=(
                    "{package} has no {module} in the version that is installed: pin an older {package} in "
                    "requirements.txt, or correct the import"
                ),
            ),
            sign(
                LOG,
                r"module '(?P<module>[a-zA-Z_][\w.]{0,100})' has no attribute '(?P<name>\w{1,80})'",
                when=is_foreign,
                remedy=(
                    "{module} has no {name} in the version that is installed: pin an older {module} in "
                    "requirements.txt, or correct the app"
                ),
            ),
            sign(
                LOG,
                (
                    r"\b(?P<function>\w{1,80})(?:\.__(?:init|new"
                    r"|call)__)?\(\) (?:got an unexpected keyword argument"
                    r"|missing \d{1,2} required positional)"
                ),
                when=calls_library,
            ),
            sign(
                RUN,
                r"^[\w.]{0,60}(?:Attribute|Type|Import|Name|Key|Value)Error: ",
                when=behind_localhost_check,
            ),
            sign(
                RUN,
                r"^(?:Attribute|Type|Name)Error: ",
                when=in_library_import,
            ),
            sign(
                LOG,
                r"may indicate binary incompatibility|compiled using NumPy 1|Numpy is not available",
                r"_ARRAY_API not found|was removed in the NumPy 2|Numba needs NumPy|undefined symbol: ",
                r"Descriptors cannot (?:not )?be created directly|but found (?P<package>[\w-]{1,60})==",
                r"operator torchvision::nms does not exist|compiled with different CUDA (?:major )?versions",
                r"does not recognize this architecture|has been moved to the `(?P<package>[\w-]{1,60})` package",
                r"PydanticUserError|unsupported version of sqlite3|A module that was compiled",
                r"np\.\w{1,12}` was (?:removed|a deprecated)|(?i:version|release) (?:mismatch|conflict)",
                r"VersionConflict|requires? (?P<package>[\w-]{1,60})[<>=]=?[\d.]{1,20}",
                r"GLIBC(?:XX)?_[\d.]{1,8}' not found|no longer supported since|DuplicateFlagError",
                (
                    r"Unrecognized keyword arguments|Unknown dtype policy|rror when deserializing class"
                    r"|Can't get attribute '"
                ),
                r"from the pickle has an incompatible dtype|pip3? install (?:-U|--upgrade) (?P<package>[\w-]{1,60})",
                r"is no longer a (?:supported|valid)|has been removed (?:in|from)|symbol lookup error",
            ),
        ),
    ),
    Cause(
        word="own-module-missing",
        blame=Blame.APP,
        looks="ModuleNotFoundError: No module named 'utils.text', a directory of the app",
        remedy=(
            "Push {module} with the app, check upper and lower case, and set PYTHONPATH or the working "
            "directory so that it is found"
        ),
        link=docs("spaces-sdks-docker"),
        signs=(
            sign(
                LOG,
                r"No module named '?(?P<module>[\w.]{1,150})'?",
                r"cannot import name '(?P<name>[^']{1,80})' from '(?P<module>[\w.]{1,150})'",
                when=is_own,
            ),
            sign(
                LOG,
                r"Could not import module \"(?P<module>[^\"]{1,100})\"",
            ),
            sign(
                LOG,
                r"Cannot find module '(?P<module>\.{0,2}/[^']{1,200})'",
                r"Module not found: Error: Can't resolve '(?P<module>\.{1,2}/[^']{1,200})'",
                r"ould not resolve \"(?P<module>\.{1,2}/[^\"]{1,200})\"",
            ),
        ),
    ),
    Cause(
        word="module-not-installed",
        blame=Blame.APP,
        looks="ModuleNotFoundError: No module named 'pandas'; ImportError: libGL.so.1: cannot open shared object file",
        remedy="Add {package} to requirements.txt (a Docker Space: to what the Dockerfile installs)",
        link=docs("spaces-dependencies"),
        signs=(
            sign(
                LOG,
                r"No module named '?(?P<module>[\w.-]{1,150})'?",
            ),
            sign(
                RUN,
                r"(?P<library>lib[\w.+-]{1,80}\.so[\w.]{0,20}): cannot open shared object file",
                remedy=(
                    "The system library {library} is not installed: add its Debian package to packages.txt "
                    "(libgl1 for libGL.so.1, libglib2.0-0 for libgthread), or to apt-get install in the "
                    "Dockerfile"
                ),
            ),
            sign(
                LOG,
                r"Cannot find (?:module|package) '(?P<package>[^'./][^']{0,150})'",
                r"Can't resolve '(?P<package>[^'./][^']{0,150})'",
                remedy="Add {package} to package.json and install it in the Dockerfile",
            ),
            sign(
                RUN,
                r"there is no package called ['‘](?P<package>[^'’]{1,80})",
                remedy="Install {package} in the Dockerfile with install.packages",
            ),
            sign(
                RUN,
                r"PackageNotFoundError: (?:No package metadata was found for )?(?P<package>[\w.-]{1,80})",
                r"DistributionNotFound: The '(?P<package>[^']{1,80})",
                r"Missing optional dependency '(?P<package>[^']{1,80})'",
                r"requires? the (?P<package>[\w.-]{1,80}) (?:library|package) but it was not found",
                r"""`?pip3? install ['"]?(?P<package>[A-Za-z][\w.\[\]-]{1,80})""",
                r"Can't find model '(?P<package>[^']{1,80})'",
                r"requires? \"?(?P<package>[\w-]{1,60})\"? to be installed",
                r"(?<![\w-])(?P<package>[\w-]{1,60}) (?:is|are) not installed|Using `low_cpu_mem_usage=True`",
                r"LoadError: cannot load such file -- (?P<package>\S{1,80})",
            ),
        ),
    ),
)
