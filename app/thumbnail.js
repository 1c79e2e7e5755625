import { createHash } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { promisify } from 'node:util'
import { deflate } from 'node:zlib'

const compress = promisify(deflate)
const maxIterations = 160
// Short: Node takes in one new connection in each round of its loop, so a health check behind a crowd waits this long for
// each of those who came before it.
const turnMs = 2

/**
 * Draws the Julia set that belongs to an id, as a PNG of `size` x `size` pixels. The same id gives the same bytes on
 * every machine with the same zlib. The work is split into short turns, so that other requests are answered meanwhile;
 * between two turns it looks whether it is still wanted, and rejects when it is not.
 * @param {string} id
 * @param {number} size
 * @param {AbortSignal} signal
 */
export async function drawThumbnail(id, size, signal) {
  const seed = createHash('sha256').update(id).digest()
  const angle = (seed.readUInt32BE(0) / 2 ** 32) * 2 * Math.PI
  // Points just outside the main cardioid of the Mandelbrot set: there the pictures are neither empty nor full.
  const re = 1.04 * (Math.cos(angle) / 2 - Math.cos(2 * angle) / 4)
  const im = 1.04 * (Math.sin(angle) / 2 - Math.sin(2 * angle) / 4)
  const tint = [seed[4] ?? 0, seed[5] ?? 0, seed[6] ?? 0]

  const stride = 1 + size * 3 // each row of a PNG starts with its filter, 0 for none
  const rows = Buffer.alloc(stride * size)
  let turnStarted = performance.now()
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const light = escapeTime((x / size) * 3 - 1.5, (y / size) * 3 - 1.5, re, im) / maxIterations
      for (let channel = 0; channel < 3; channel++) {
        const wave = Math.cos(6.283 * (light * 3 + (tint[channel] ?? 0) / 255))
        rows[y * stride + 1 + x * 3 + channel] = Math.round(127 + 127 * wave)
      }
    }
    if (performance.now() - turnStarted > turnMs) {
      await nextTurn()
      signal.throwIfAborted()
      turnStarted = performance.now()
    }
  }
  return png(size, await compress(rows))
}

/** @type {(x: number, y: number, re: number, im: number) => number} */
function escapeTime(x, y, re, im) {
  let n = 0
  while (n < maxIterations && x * x + y * y < 4) {
    const next = x * x - y * y + re
    y = 2 * x * y + im
    x = next
    n++
  }
  return n
}

/** Portable Network Graphics, third edition, 5.2 to 5.4. @param {number} size @param {Buffer} data */
function png(size, data) {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(size, 0)
  header.writeUInt32BE(size, 4)
  header.set([8, 2, 0, 0, 0], 8) // 8 bits a channel, RGB, and the only compression, filter method and order there is
  const signature = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1')
  return Buffer.concat([signature, chunk('IHDR', header), chunk('IDAT', data), chunk('IEND', Buffer.alloc(0))])
}

/** @param {string} type @param {Buffer} data */
function chunk(type, data) {
  const result = Buffer.alloc(data.length + 12)
  result.writeUInt32BE(data.length, 0)
  result.write(type, 4, 'latin1')
  data.copy(result, 8)
  result.writeUInt32BE(crc32(result.subarray(4, data.length + 8)), data.length + 8)
  return result
}

// zlib.crc32 came with 20.15 and 22.2; the service promises 20.
const crcTable = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let bit = 0; bit < 8; bit++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1
  return n
})

/** @param {Buffer} bytes */
function crc32(bytes) {
  let crc = 0xffffffff
  for (const byte of bytes) crc = (crcTable[(crc ^ byte) & 0xff] ?? 0) ^ (crc >>> 8)
  return (crc ^ 0xffffffff) >>> 0
}
