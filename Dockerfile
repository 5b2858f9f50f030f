# syntax=docker/dockerfile:1
# The target, in the versions of the lock. Not root; the root may be read-only; what is kept lies in /data.
#
#   docker build --build-arg VERSION=0.2.0 --tag target-zendesk-events .
#   some-tap | docker run --rm -i --read-only --volume events:/data --env-file .env target-zendesk-events --config ENV

FROM python:3.13-slim-trixie AS build
ARG UV_VERSION=0.13.9
RUN python -m venv /uv && /uv/bin/pip install --no-cache-dir --disable-pip-version-check "uv==${UV_VERSION}"
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_NO_CACHE=1 UV_PYTHON_DOWNLOADS=never UV_PROJECT_ENVIRONMENT=/app
WORKDIR /source
COPY pyproject.toml uv.lock README.md LICENSE ./
RUN /uv/bin/uv sync --locked --all-extras --no-default-groups --no-install-project
COPY target_zendesk_events target_zendesk_events
COPY sample_streams sample_streams
ARG VERSION=0.1.0.dev0
ENV SETUPTOOLS_SCM_PRETEND_VERSION=${VERSION}
RUN /uv/bin/uv sync --locked --all-extras --no-default-groups --no-editable

FROM python:3.13-slim-trixie
LABEL org.opencontainers.image.source="https://github.com/target-zendesk-events/target-zendesk-events" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.description="Singer target that puts the records of any Singer tap into Zendesk"
RUN useradd --uid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin events \
    && install --directory --owner=events --group=events --mode=0700 /data
COPY --from=build /app /app
ENV PATH=/app/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /data
VOLUME /data
ENTRYPOINT ["target-zendesk-events"]
