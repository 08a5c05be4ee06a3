# The image of the action: an interpreter, the action, and only those packages that it imports.
# The release gives BASE the same image by digest; see docs/releasing.md. Unless it does, BASE is the stage below, which
# has a line of its own because Dependabot updates a FROM, but no ARG (dependabot-core issue 2057).
ARG BASE=interpreter
FROM python:3.13-slim AS interpreter

FROM ${BASE} AS build
COPY requirements/image.txt /tmp/
# --no-deps: image.txt leaves out what its packages name but the action never imports; see requirements/README.md.
RUN python3 -m pip install --quiet --no-cache-dir --disable-pip-version-check --root-user-action=ignore \
        --require-hashes --no-deps --no-compile --target=/action --requirement /tmp/image.txt \
    && rm -rf /action/bin && find /action -name tests -type d -prune -exec rm -r {} +
COPY entrypoint.py post.py /action/
COPY hf_action /action/hf_action
COPY requirements/stdlib.py /tmp/
# Unchecked: an interpreter takes this bytecode without a look at the source. It may, also for the standard library,
# because the stage below has the very files that were compiled here: both are BASE.
RUN python3 -m compileall -q -j 0 --invalidation-mode unchecked-hash /action \
    && python3 -I /tmp/stdlib.py /action /layer && mv /action /layer/

FROM ${BASE}
# What is known before a release; the release adds version, revision, source and the base with its digest.
LABEL org.opencontainers.image.title="hf-space" \
      org.opencontainers.image.description="Operate Hugging Face Spaces from a workflow or a shell, and wait until they are really in the stage asked for" \
      org.opencontainers.image.licenses="Apache-2.0"
# /action, and bytecode beside the standard library of the base.
COPY --from=build /layer /
# Isolated by its first line: neither the workspace, nor PYTHON* variables, nor a user's site-packages can put a module
# before ours. It is a file that runs by itself because container hooks take no words before it; see docs/runners.md.
ENTRYPOINT ["/action/entrypoint.py"]
