# A whole desk in one container, or one of its processes when another command is given (see compose.yaml).
FROM python:3.12-slim

RUN useradd --uid 10001 --create-home --shell /usr/sbin/nologin helpdesk \
 && install -d -o helpdesk -g helpdesk -m 0700 /var/lib/helpdesk
WORKDIR /srv/helpdesk
COPY requirements.txt ./
RUN pip install --no-cache-dir --disable-pip-version-check -r requirements.txt
COPY . .

ENV BIND=0.0.0.0 \
    INSTANCE_PATH=/var/lib/helpdesk \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER helpdesk
VOLUME /var/lib/helpdesk
EXPOSE 8000
CMD ["python", "-m", "helpdesk.cli.desk"]
