# The image of the action: an interpreter, the action, and only those packages that it imports.
# The release names BASE by digest; see docs/releasing.md.
ARG BASE=python:3.13-slim

FROM ${BASE} AS build
COPY requirements/image.txt /tmp/
# --no-deps: image.txt leaves out what its packages name but the action never imports; see requirements/README.md.
RUN python3 -m pip install --quiet --no-cache-dir --disable-pip-version-check --root-user-action=ignore \
        --require-hashes --no-deps --no-compile --target=/action --requirement /tmp/image.txt \
    && rm -rf /action/bin && find /action -name tests -type d -prune -exec rm -r {} +
COPY entrypoint.py post.py /action/
COPY hf_action /action/hf_action
RUN python3 -m compileall -q -j 0 --invalidation-mode unchecked-hash /action

FROM ${BASE}
COPY --from=build /action /action
# Isolated: neither the workspace, nor PYTHON* variables, nor a user's site-packages can put a module before ours.
ENTRYPOINT ["python3", "-I", "/action/entrypoint.py"]
