# The three images:
#
#   docker build --target operator -t matinee/operator .
#   docker build --target router -t matinee/router .
#   docker build --target runtime -t matinee/runtime .
#
# TORCH_OPTIONS: options of pip for torch, which has one build for CUDA (pip's default) and another
# for CPUs. The layer with the dependencies changes with the locks only, that with the code is small.
ARG BASE=python:3.12.14-slim-bookworm@sha256:0f5b26b9518d002b6173fd61daad821fa340635ebfec5bba471013f9ca114579

FROM ${BASE} AS environment
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python3 -m venv /opt/venv

FROM environment AS code
COPY requirements/build.txt /requirements/
RUN /opt/venv/bin/pip install --no-deps --require-hashes -r /requirements/build.txt
COPY . /source
RUN /opt/venv/bin/pip install --no-deps --no-build-isolation --target /opt/matinee /source

FROM code AS operator-code
RUN rm -r /opt/matinee/matinee

FROM code AS router-code
WORKDIR /opt/matinee
RUN rm -r matinee_operator \
 && cd matinee \
 && find store -type f ! -name __init__.py ! -name redis_address.py -delete \
 && rm -r bundled engine mock player prompt server session state weights/fetch worker

FROM code AS runtime-code
RUN rm -r /opt/matinee/matinee_operator

FROM environment AS operator-dependencies
COPY requirements/operator.txt /requirements/
RUN /opt/venv/bin/pip install --no-deps --require-hashes -r /requirements/operator.txt \
 && /opt/venv/bin/pip uninstall --yes pip

FROM environment AS router-dependencies
COPY requirements/router.txt /requirements/
RUN /opt/venv/bin/pip install --no-deps --require-hashes -r /requirements/router.txt \
 && /opt/venv/bin/pip uninstall --yes pip

FROM environment AS runtime-dependencies
ARG TORCH_OPTIONS=""
COPY requirements/torch.txt requirements/runtime.txt /requirements/
RUN /opt/venv/bin/pip install ${TORCH_OPTIONS} -r /requirements/torch.txt \
 && /opt/venv/bin/pip install --no-deps --require-hashes -r /requirements/runtime.txt \
 && /opt/venv/bin/pip uninstall --yes pip

FROM ${BASE} AS base
ENV PATH=/opt/venv/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONPATH=/opt/matinee \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp \
    USER=matinee
USER 10001:10001

FROM base AS operator
EXPOSE 8080
ENTRYPOINT ["python3", "-m", "matinee_operator"]
COPY --from=operator-dependencies /opt/venv /opt/venv
COPY --from=operator-code /opt/matinee /opt/matinee

FROM base AS server
EXPOSE 8000
ENTRYPOINT ["python3", "-m", "matinee"]
CMD ["--help"]

FROM server AS router
COPY --from=router-dependencies /opt/venv /opt/venv
COPY --from=router-code /opt/matinee /opt/matinee

FROM server AS runtime
COPY --from=runtime-dependencies /opt/venv /opt/venv
COPY --from=runtime-code /opt/matinee /opt/matinee
