# This project's image, and a tap in an environment of its own.
FROM ghcr.io/target-zendesk-events/target-zendesk-events:0.2.0
ARG TAP=tap-rest-api-msdk
USER 0:0
RUN python -m venv /tap && /tap/bin/pip install --no-cache-dir --disable-pip-version-check "$TAP"
ENV PATH=$PATH:/tap/bin
USER 10001:10001
