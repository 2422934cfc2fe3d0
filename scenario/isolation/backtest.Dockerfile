# The image of an accepted factor's backtest: the evaluator's, and what Qlib's engine imports. Built
# without a network, like the evaluator's, from files with the hashes of requirements.lock.
ARG BASE_IMAGE

FROM ${BASE_IMAGE} AS packages
USER root
COPY requirements.txt /build/
COPY wheels/ /build/wheels/
# gym comes as source alone, and setuptools makes a wheel of it here, where there is no network.
RUN grep '^setuptools==' /build/requirements.txt > /build/first.txt \
 && grep -v '^setuptools==' /build/requirements.txt > /build/rest.txt \
 && pip="python3 -m pip install --no-cache-dir --disable-pip-version-check --no-index" \
 && pip="$pip --find-links /build/wheels --no-deps --require-hashes" \
 && $pip --target /opt/build -r /build/first.txt \
 && PYTHONPATH=/opt/build $pip --no-build-isolation --target /opt/qlib -r /build/rest.txt \
 && find /opt/qlib/scipy /opt/qlib/pandas /opt/qlib/cvxpy -type d -name tests -prune -exec rm -rf {} +

FROM ${BASE_IMAGE}
USER root
COPY --from=packages /opt/qlib /opt/qlib
COPY app/ /app/
RUN python3 -m compileall -q /app
ENV PYTHONPATH=/app:/opt/site:/opt/qlib \
    TIDE_SCRATCH=/tmp \
    HOME=/tmp
USER 10001:10001
