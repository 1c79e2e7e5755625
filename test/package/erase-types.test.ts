// How the tests themselves are loaded: types are erased, and what is more than a type is named.
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { emptyFolder } from '../preload/node.ts'

const BEGIN = join(import.meta.dirname, '../erase-types/begin.cjs')

const runs = (text: string) => {
  const path = join(emptyFolder(), 'it.ts')
  writeFileSync(path, text)
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--require', BEGIN, '--no-warnings', path], {
    env: { PATH: process.env.PATH },
    encoding: 'utf8',
  })
  return { status, stdout, stderr }
}

t.test('a stack names the line and the column of the source', async t => {
  const { status, stderr } = runs(
    `interface A { readonly of: number }\nconst it: A = { of: 1 }\nif (it.of as unknown) { throw new Error('x') }\n`,
  )
  t.equal(status, 1)
  t.match(stderr, /it\.ts:3:31/)
})

t.test('an enum is more than a type', async t => {
  const { status, stderr } = runs('export const a = 1\nenum B { c }\n')
  t.equal(status, 1)
  t.match(stderr, /it\.ts: more than a type, so it cannot be erased: enum B/)
})
