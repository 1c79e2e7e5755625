// The pure core is covered whole by the test beside it. The host runs in child processes, on the built bundle, where
// no coverage is taken: what its tests prove is what can be seen from outside.
import { existsSync } from 'node:fs'

export default file => {
  const source = file.replace(/^test\//, 'preload/').replace(/(\.property)?\.test\.ts$/, '.ts')
  return existsSync(source) ? [source] : null
}
