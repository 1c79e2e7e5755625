// The gate, dist/gate.js: read where the start is not one of the usual ones (main.ts knows those).
export { gateOf } from './core/gate.ts'
