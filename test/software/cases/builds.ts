// What turns source into something else: compilers, bundlers, linters.
import { blurTimes, command, plain, type Software } from '../case.ts'

const env = { CI: '1', NO_COLOR: '1', FORCE_COLOR: '0' }
const blur = (text: string): string => blurTimes(plain(text))
const page = {
  'src/main.js': `import { add } from './add.js'\nconsole.log(add(1, 2))\n`,
  'src/add.js': `export const add = (a, b) => a + b\nexport const never = () => 1\n`,
}
const script = `interface A { a: number }\nenum Kind { One = 1 }\nconst a: A = { a: Kind.One }\nconsole.log(a.a, process.argv.length)\nprocess.on('SIGTERM', () => { console.log('got'); process.exit(3) })\nsetInterval(() => {}, 1000)\nconsole.log('ready')\n`
const tsconfig = JSON.stringify({
  compilerOptions: {
    target: 'es2022',
    module: 'nodenext',
    moduleResolution: 'nodenext',
    strict: true,
    types: ['node'],
    outDir: 'out',
  },
})

export const builds: Readonly<Record<string, Software>> = {
  'tsx runs TypeScript, SIGTERM and a handler': {
    folder: 'tsx',
    quick: true,
    script: '',
    files: { 'app.ts': script },
    command: () => ['../../node_modules/.bin/tsx', 'app.ts'],
    steps: ['wait for ready', 'SIGTERM'],
    want: { code: 3, stdout: '1 2\nready\ngot\n' },
  },
  'node --import tsx': {
    folder: 'tsx',
    script: '',
    files: { 'app.mts': `import { thing } from './thing.ts'\n${script}`, 'thing.ts': 'export const thing: number = 1' },
    command: ({ node }) => [node, '--import', 'tsx', 'app.mts'],
    steps: ['wait for ready', 'SIGTERM'],
    want: { code: 3, stdout: '1 2\nready\ngot\n' },
  },
  'tsx and Ctrl+C, no handler': {
    folder: 'tsx',
    script: '',
    files: { 'app.ts': `setInterval(() => {}, 1000); console.log('ready' as string)` },
    command: () => ['../../node_modules/.bin/tsx', 'app.ts'],
    steps: ['wait for ready', 'all SIGINT'],
    want: { stdout: 'ready\n' },
  },
  'ts-node runs TypeScript': {
    folder: 'ts-node',
    script: '',
    files: {
      'app.ts': script,
      'tsconfig.json': tsconfig
        .replaceAll('nodenext', 'commonjs')
        .replace('"moduleResolution":"commonjs"', '"moduleResolution":"node"'),
    },
    command: () => ['../../node_modules/.bin/ts-node', 'app.ts'],
    steps: ['wait for ready', 'SIGTERM'],
    want: { code: 3, stdout: '1 2\nready\ngot\n' },
  },
  'ts-node finds a type error': {
    folder: 'ts-node',
    script: '',
    files: { 'app.ts': `const a: number = 'x'; console.log(a)` },
    blur: text => text.replaceAll(/^ {4}at .*\n/gm, ''),
    command: ({ node }) => [node, '-r', 'ts-node/register', 'app.ts'],
    want: { code: 1, stderr: /TS2322/ },
  },
  'tsc emits': {
    folder: 'typescript',
    script: '',
    files: {
      'app.ts': 'export const a: number = 1\nexport class B { #c = a }\n',
      'tsconfig.json': tsconfig.replace('"types":["node"]', '"types":[]'),
    },
    texts: /^out\/.*\.js$/,
    command: command('tsc', '-p', '.'),
    want: { code: 0, texts: { 'out/app.js': /class B/ } },
  },
  'tsc finds errors': {
    folder: 'typescript',
    script: '',
    files: { 'app.ts': `const a: number = 'x'\n` },
    command: command('tsc', '--noEmit', '--skipLibCheck', 'app.ts'),
    want: { code: 2, stdout: /TS2322/ },
  },
  'a file with errors': {
    folder: 'eslint',
    quick: true,
    script: '',
    files: {
      'eslint.config.mjs': `export default [{ rules: { 'no-unused-vars': 'error', 'prefer-const': 'warn' } }]`,
      'app.js': 'let a = 1\nfunction b() {}\n',
    },
    env,
    command: command('eslint', '.'),
    want: { code: 1, stdout: /no-unused-vars/ },
  },
  'eslint with two threads and a cache': {
    folder: 'eslint',
    script: '',
    files: {
      'eslint.config.mjs': `export default [{ rules: { 'no-unused-vars': 'error' } }]`,
      ...Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`src/a${i}.js`, `const a${i} = ${i}\n`])),
    },
    env,
    command: command('eslint', '--concurrency=2', 'src'),
    want: { code: 1, stdout: /8 errors/ },
  },
  'webpack build': {
    folder: 'webpack',
    script: '',
    files: { ...page, 'package.json': '{"type":"module","name":"page"}' },
    env,
    blur,
    texts: /^dist\/.*\.(js|html)$/,
    command: command('webpack', '--mode', 'production', '--entry', './src/main.js'),
    want: { code: 0, stdout: /compiled successfully/, texts: { 'dist/main.js': /console\.log/ } },
  },
  'webpack watches, rebuilds and ends by SIGINT': {
    folder: 'webpack',
    script: '',
    files: { ...page, 'package.json': '{"type":"module","name":"page"}' },
    env,
    blur,
    steps: ['wait for compiled successfully', 'all SIGINT'],
    command: command('webpack', '--mode', 'development', '--entry', './src/main.js', '--watch'),
    want: { stdout: /compiled successfully/ },
  },
  'vite build': {
    folder: 'vite',
    script: '',
    files: {
      ...page,
      'index.html': '<!doctype html><script type="module" src="/src/main.js"></script>',
      'package.json': '{"type":"module"}',
    },
    env,
    blur,
    texts: /^dist\/.*\.(js|html)$/,
    command: command('vite', 'build'),
    want: { code: 0, stdout: /built in/ },
  },
  'the dev server of vite, SIGTERM': {
    folder: 'vite',
    script: '',
    files: {
      ...page,
      'index.html': '<!doctype html><script type="module" src="/src/main.js"></script>',
      'package.json': '{"type":"module"}',
      'vite.config.js': 'export default { optimizeDeps: { noDiscovery: true } }',
    },
    env,
    blur: text => blur(text).replaceAll(/localhost:\d+/g, 'localhost'),
    steps: ['wait for Local', 'SIGTERM'],
    command: command('vite', '--port', '0'),
    want: { stdout: /Local/ },
  },
  // Node 26 makes one by itself: test/transparency/hostile.test.ts.
  'a single executable': {
    folder: 'postject',
    script: '',
    files: {
      'app.js': `process.on('SIGTERM', () => { console.log('got'); process.exit(3) }); console.log(process.argv.length, process.execArgv.join(), process.eventNames().includes('SIGTERM')); setTimeout(() => { process.kill(process.pid, 'SIGTERM'); setTimeout(() => {}, 9000) }, 100)`,
      'sea.json': '{"main":"app.js","output":"app.blob","disableExperimentalSEAWarning":true}',
    },
    to: 25,
    command: ({ node }) => [
      'sh',
      '-c',
      `options=$NODE_OPTIONS; export NODE_OPTIONS=; ${node} --experimental-sea-config sea.json && cp ${node} app && ../../node_modules/.bin/postject app NODE_SEA_BLOB app.blob --sentinel-fuse NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2 > /dev/null; NODE_OPTIONS=$options ./app; code=$?; rm app app.blob; exit $code`,
    ],
    want: { code: 3, stdout: /\d .*true\ngot\n$/ },
  },
  'next build, then start: a page, and SIGTERM': {
    folder: 'next',
    script: '',
    files: {
      'package.json': '{"private":true}',
      'next.config.mjs': `import { dirname, resolve } from 'node:path'; import { fileURLToPath } from 'node:url'; const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..'); export default { turbopack: { root }, outputFileTracingRoot: root, generateBuildId: () => 'fixed' }`,
      'app/layout.js': 'export default function Layout({ children }) { return <html><body>{children}</body></html> }',
      'app/page.js': `export default function Page() { return <h1>hello</h1> }`,
      'app/api/route.js': `export const dynamic = 'force-dynamic'; export const GET = () => Response.json({ a: 1 })`,
      'ask.js': `(async () => { for (const path of ['/', '/api', '/missing']) { const answer = await fetch('http://127.0.0.1:' + process.argv[2] + path); console.log(path, answer.status, /<h1>hello<\\/h1>|\\{"a":1\\}/.exec(await answer.text())?.[0]) } })()`,
      'run.sh': `next=../../node_modules/.bin/next; $next build || exit 9; port=$(node -p 'const s = require("net").createServer().listen(0, () => { console.log(s.address().port); s.close() }); ""' | grep .); NODE_ENV=production node ../../node_modules/next/dist/bin/next start -p $port > server.log & server=$!; until grep -q Ready server.log; do sleep 0.2; done; NODE_OPTIONS= node ask.js $port; kill -TERM $server; wait $server; echo ended $?; find .next -name '*.js' | wc -l; rm -r server.log .next`,
    },
    env: { ...env, NEXT_TELEMETRY_DISABLED: '1' },
    blur: text =>
      blur(text)
        .replaceAll(/<time>/g, '')
        .replaceAll(/[ \t]+$/gm, ''),
    mostMs: 240_000,
    command: () => ['sh', 'run.sh'],
    want: {
      code: 0,
      stdout:
        /Compiled successfully[\s\S]*\/ 200 <h1>hello<\/h1>\n\/api 200 \{"a":1\}\n\/missing 404[\s\S]*ended 143\n\d+\n$/,
    },
  },
}
