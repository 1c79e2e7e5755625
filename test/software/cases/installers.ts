// Package managers, and the build of a native addon.
import { existsSync } from 'node:fs'
import { blurTimes, plain, type Software } from '../case.ts'

const silent = 'it stays away from package managers'
const local = {
  'package.json': JSON.stringify({
    name: 'app',
    version: '1.0.0',
    private: true,
    scripts: { ask: 'node -p "require(\'dep\')"', fails: 'exit 7' },
    dependencies: { dep: 'file:./dep' },
  }),
  'dep/package.json':
    '{"name":"dep","version":"1.0.0","main":"index.js","scripts":{"postinstall":"node -e \\"require(\'fs\').writeFileSync(\'built\', process.version)\\""}}',
  'dep/index.js': 'module.exports = "from dep"',
}
const blur = (text: string): string =>
  blurTimes(plain(text))
    .replaceAll(/^.*(Completed|Done) in .*\n/gm, '')
    .replaceAll(/<time>/g, '')
const headers = existsSync('/usr/include/node/node_api.h')

export const installers: Readonly<Record<string, Software>> = {
  'npm installs, runs a script, and the code of one that fails': {
    folder: 'npm',
    silent,
    script: '',
    files: local,
    env: { npm_config_update_notifier: 'false' },
    blur: text => blur(text).replaceAll(/_logs\S*/g, ''),
    command: () => [
      'sh',
      '-c',
      'npm install --offline --no-audit --no-fund --cache ../npm --foreground-scripts; npm run ask; npm run fails; echo $?',
    ],
    want: { code: 0, stdout: /added 1 package[\s\S]*from dep[\s\S]*7\n$/ },
  },
  'yarn 1 installs and runs': {
    folder: 'yarn',
    silent,
    script: '',
    files: local,
    blur,
    texts: /yarn\.lock/,
    command: () => [
      'sh',
      '-c',
      'yarn=../../node_modules/.bin/yarn; $yarn install --offline --cache-folder ../yarn; $yarn -s ask; $yarn -s fails; echo $?',
    ],
    want: { code: 0, stdout: /from dep\n[\s\S]*7\n$/ },
  },
  'yarn 4 installs with node_modules, and with Plug and Play': {
    folder: 'yarn-berry',
    silent,
    script: '',
    files: {
      ...local,
      'yarn.lock': '',
      '.yarnrc.yml': 'enableTelemetry: false\nenableGlobalCache: false\ncacheFolder: ../cache\nnodeLinker: pnp\n',
    },
    env: { YARN_ENABLE_IMMUTABLE_INSTALLS: 'false', HOME: '/nonexistent', YARN_GLOBAL_FOLDER: '../global' },
    blur: text =>
      blur(text)
        .replaceAll(/^➤.*(Link|Fetch|Resol|Done).*\n/gm, '')
        .replaceAll(/-[\da-f]{8,}/g, '-<hash>'),
    command: () => [
      'sh',
      '-c',
      'yarn="node ../../node_modules/@yarnpkg/cli-dist/bin/yarn.js"; $yarn install; $yarn ask; YARN_NODE_LINKER=node-modules $yarn install; node -p "require(\'dep\')"; $yarn fails; echo $?',
    ],
    want: { code: 0, stdout: /from dep[\s\S]*from dep[\s\S]*7\n$/ },
  },
  'pnpm installs and runs': {
    folder: 'pnpm',
    silent,
    script: '',
    files: { ...local, 'pnpm-workspace.yaml': 'onlyBuiltDependencies:\n  - dep\n' },
    blur: text => blur(text).replaceAll(/^.*(Progress|Packages|\+\+).*\n/gm, ''),
    texts: /pnpm-lock\.yaml/,
    command: () => [
      'sh',
      '-c',
      'pnpm="../../node_modules/.bin/pnpm"; $pnpm install --offline --store-dir ../store --reporter=append-only; $pnpm -s ask; $pnpm -s fails; echo $?',
    ],
    want: { code: 0, stdout: /from dep\n[\s\S]*7\n$/ },
  },
  'an addon is built and loaded': {
    folder: 'node-gyp',
    script: '',
    skip: headers ? undefined : 'no headers of Node here (/usr/include/node), and they are not fetched',
    files: {
      'binding.gyp': `{ "targets": [{ "target_name": "addon", "sources": ["addon.c"] }] }`,
      'addon.c': `#include <node_api.h>\nNAPI_MODULE_INIT() { napi_value a; napi_create_int32(env, 42, &a); return a; }\n`,
      'package.json': '{"name":"addon","version":"1.0.0"}',
    },
    blur: text =>
      blur(text)
        .replaceAll(/^gyp info (spawn args|it worked|using|find|spawn|ok|cwd|System|command).*\n/gm, '')
        .replaceAll(/^gyp info .*\n/gm, ''),
    mostMs: 120_000,
    command: () => [
      'sh',
      '-c',
      '../../node_modules/.bin/node-gyp rebuild --nodedir=/usr && node -p "require(\'./build/Release/addon.node\')"',
    ],
    want: { code: 0, stdout: /42\n$/ },
  },
}
