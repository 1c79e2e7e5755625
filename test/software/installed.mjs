// The software that runs under the guard, installed by the test itself, in .cache/software, at fixed versions: the newest
// that run on every Node that the guard runs on.
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** What each folder holds. The first package is the one that the table names. */
export const SOFTWARE = {
  'signal-exit-3': { 'signal-exit': '3.0.7' },
  'signal-exit-4': { 'signal-exit': '4.1.0' },
  'proper-lockfile': { 'proper-lockfile': '4.1.2' },
  execa: { execa: '9.6.0' },
  'foreground-child': { 'foreground-child': '3.3.1' },
  'close-with-grace': { 'close-with-grace': '2.5.0' },
  nestjs: {
    '@nestjs/core': '11.2.10',
    '@nestjs/common': '11.2.10',
    '@nestjs/platform-express': '11.2.10',
    'reflect-metadata': '0.2.2',
    rxjs: '7.8.2',
  },
  terminus: { '@godaddy/terminus': '4.12.1' },
  pino: { pino: '10.4.0', 'pino-pretty': '13.2.0' },
  fastify: { fastify: '5.12.8' },
  express: { express: '5.3.0' },
  koa: { koa: '3.3.0' },
  pm2: { pm2: '7.0.4' },
  concurrently: { concurrently: '9.2.5' },
  nodemon: { nodemon: '3.1.14' },
  tsx: { tsx: '4.23.15' },
  'ts-node': { 'ts-node': '10.9.2', typescript: '5.9.3', '@types/node': '20.19.43' },
  jest: { jest: '30.5.2' },
  vitest: { vitest: '4.1.12' },
  mocha: { mocha: '12.0.3' },
  ava: { ava: '6.4.1' },
  tap: { tap: '21.8.0' },
  c8: { c8: '12.0.0' },
  nyc: { nyc: '18.0.0' },
  eslint: { eslint: '10.15.0' },
  typescript: { typescript: '5.9.3' },
  webpack: { webpack: '5.112.2', 'webpack-cli': '7.3.1' },
  vite: { vite: '8.3.8' },
  next: { next: '16.4.6', react: '19.3.1', 'react-dom': '19.3.1' },
  'dd-trace': { 'dd-trace': '5.132.0', express: '5.3.0' },
  opentelemetry: {
    '@opentelemetry/auto-instrumentations-node': '0.70.0',
    '@opentelemetry/api': '1.9.0',
    express: '5.3.0',
  },
  'opentelemetry-metrics': { '@opentelemetry/sdk-metrics': '2.12.1', '@opentelemetry/api': '1.9.0' },
  'aws-embedded-metrics': { 'aws-embedded-metrics': '4.2.1' },
  'datadog-api-client': { '@datadog/datadog-api-client': '1.64.0' },
  // The one that is there.
  npm: {},
  yarn: { yarn: '1.22.22' },
  'yarn-berry': { '@yarnpkg/cli-dist': '4.18.1' },
  pnpm: { pnpm: '10.34.9' },
  postject: { postject: '1.0.0-alpha.6' },
  'node-gyp': { 'node-gyp': '12.1.0' },
  // With what their own tests need: suites.ts.
  'suite-close-with-grace': { 'close-with-grace': '2.5.0', tape: '5.10.2' },
  'suite-pino': {
    pino: '10.4.0',
    '@matteo.collina/tspl': '0.2.0',
    execa: '5.1.1',
    'flush-write-stream': '2.0.0',
    'import-fresh': '3.3.1',
    'pino-pretty': '13.2.0',
    proxyquire: '2.1.3',
    rimraf: '6.1.4',
    split2: '4.2.0',
    'strip-ansi': '6.0.1',
    tape: '5.10.2',
    typescript: '6.0.3',
  },
  'suite-fastify': {
    fastify: '5.12.8',
    JSONStream: '1.3.5',
    ajv: '8.20.0',
    'ajv-errors': '3.0.0',
    'ajv-formats': '3.0.1',
    'ajv-i18n': '4.2.0',
    'ajv-merge-patch': '5.0.1',
    'fast-json-body': '1.1.0',
    'fastify-plugin': '6.0.1',
    'fluent-json-schema': '6.0.1',
    h2url: '0.2.0',
    'http-errors': '2.0.1',
    joi: '18.3.2',
    'node-forge': '1.4.3',
    proxyquire: '2.1.3',
    split2: '4.2.0',
    typebox: '1.4.3',
    undici: '7.30.2',
    vary: '1.1.2',
    yup: '1.7.1',
  },
}

const folderOf = name => resolve('.cache/software', name)

/** Installs a row of the table into a folder of its own, once; returns the folder. Rejects with npm's words. */
export async function install(name) {
  const folder = folderOf(name)
  const dependencies = SOFTWARE[name]
  const stamp = resolve(folder, 'installed.json')
  const text = JSON.stringify(dependencies)
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === text) return folder
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  writeFileSync(resolve(folder, 'package.json'), JSON.stringify({ private: true, dependencies }))
  await run('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: folder, maxBuffer: 2 ** 24 })
  writeFileSync(stamp, text)
  return folder
}
