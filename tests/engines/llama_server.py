"""llama-server, llama.cpp's own HTTP server, out of the PyPI package xllamacpp (x86-64, CPU only).

    python llama_server.py --model FILE --alias NAME --port N [--slots 2] [--context 2048]
                           [--embeddings]

It listens before the weights are loaded and says 503 until then. SIGTERM ends it at once: the
package has none of llama-server's own handling of signals. `--context` is what each slot has.
`/slots` shows what a slot is asked and has said so far, so that a test can tell one request from
another.
"""
import argparse
import os
import signal

import xllamacpp

parser = argparse.ArgumentParser()
parser.add_argument("--model", required=True)
parser.add_argument("--alias", required=True)
parser.add_argument("--port", type=int, required=True)
parser.add_argument("--slots", type=int, default=2)
parser.add_argument("--context", type=int, default=2048)
parser.add_argument("--embeddings", action="store_true")
options = parser.parse_args()

os.environ["LLAMA_SERVER_SLOTS_DEBUG"] = "1"
params = xllamacpp.CommonParams()
params.model.path = options.model
params.model_alias = {options.alias}
params.hostnames = ["127.0.0.1"]
params.port = options.port
params.n_parallel = options.slots
params.n_ctx = options.slots * options.context  # the server's own count is that of all slots
params.cpuparams.n_threads = 1
params.use_jinja = True
params.endpoint_metrics = True
params.endpoint_slots = True
params.warmup = False
params.embedding = options.embeddings
server = xllamacpp.Server(params)
while True:
    signal.pause()
