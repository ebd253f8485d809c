# One image for web, edge, worker and beat; docker-compose.yml says what each of them runs.

FROM python:3.11-slim-bookworm AS install

COPY requirements/base.txt /tmp/base.txt
RUN python -m venv /opt/headway \
    && /opt/headway/bin/pip install --no-cache-dir --require-hashes --only-binary :all: \
        --requirement /tmp/base.txt \
    && /opt/headway/bin/pip uninstall --yes pip setuptools


FROM python:3.11-slim-bookworm

# Celery reads REMAP_SIGTERM when it is imported: a worker told to leave hands its messages back.
ENV PATH=/opt/headway/bin:$PATH \
    PYTHONPATH=/app:/app/sdk/python/src \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    REMAP_SIGTERM=SIGQUIT \
    DJANGO_SETTINGS_MODULE=config.settings \
    HEADWAY_EVENT_STORE=file:///var/lib/headway/events

# Letters of all scripts for PDFs and pictures; without them names in some would be boxes.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends fonts-liberation fonts-droid-fallback \
    && rm -rf /var/lib/apt/lists/*

RUN groupadd --gid 10001 headway \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin headway \
    && install --directory --owner headway --group headway --mode 0750 /var/lib/headway /var/lib/headway/events

COPY --from=install /opt/headway /opt/headway
WORKDIR /app
COPY . /app

RUN printf '#!/bin/sh\nexec python -m headway.cli "$@"\n' > /usr/local/bin/headway \
    && chmod 755 /usr/local/bin/headway

# Bytecode and collected files belong to the image; the values below are thrown away with this step.
RUN python -m compileall -q /app /opt/headway \
    && DATABASE_URL=postgresql://build@localhost/build REDIS_URL=redis://localhost/0 \
       HEADWAY_SECRET_KEY="$(python -c 'import secrets; print(secrets.token_urlsafe(64))')" \
       python manage.py collectstatic --noinput

USER 10001:10001
EXPOSE 8000 8001
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=40s --retries=3 \
    CMD ["python", "-m", "config.probe", "http://127.0.0.1:8000/health"]
CMD ["granian", "--interface", "wsgi", "--host", "0.0.0.0", "--port", "8000", "--no-ws", "--workers", "2", "--workers-kill-timeout", "5", "--blocking-threads", "4", "config.wsgi:application"]
