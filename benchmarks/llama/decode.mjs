// decode.mjs MODEL TOKENS THREADS: generates with llama.cpp and prints tokens per second of the steps after the first.
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

const [model, tokens, threads] = process.argv.slice(2)
const { loadModel } = createRequire(pathToFileURL(`${process.cwd()}/`))('@fugood/llama.node')
const context = await loadModel({ model, n_ctx: 2048, n_threads: Number(threads), n_gpu_layers: 0, use_mmap: false })
const options = { prompt: ' w300 w301 w302', ignore_eos: true, temperature: 0, n_threads: Number(threads) }
await context.completion({ ...options, n_predict: 8 })
const { timings } = await context.completion({ ...options, n_predict: Number(tokens) })
console.log(timings.predicted_per_second.toFixed(2))
await context.release()
