# One image for all roles: `docker run IMAGE worker`, `docker run IMAGE ui`; without a role it is the api.
FROM node:24-slim AS assets
WORKDIR /ui
COPY ui/package.json ui/package-lock.json ui/.npmrc ./
RUN npm ci --omit=dev

FROM python:3.13-slim
RUN apt-get update && apt-get install --yes --no-install-recommends git && rm -rf /var/lib/apt/lists/*
COPY --from=ghcr.io/astral-sh/uv:0.9 /uv /usr/local/bin/uv
WORKDIR /app
COPY pyproject.toml uv.lock README.md LICENSE ./
# What is locked changes less often than the code.
RUN uv sync --locked --no-dev --no-install-project
COPY . .
COPY --from=assets /ui/node_modules ui/node_modules
RUN uv sync --locked --no-dev && useradd --create-home --uid 10001 invariant && chown invariant /app
USER invariant
ENV CVA_PRODUCTION=true CVA_LOG_FORMAT=json
ENTRYPOINT ["bash", "start.sh"]
CMD ["api"]
