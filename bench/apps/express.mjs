// An Express app until it listens.
import { createRequire } from 'node:module'

const require = createRequire(new URL('../../app/package.json', import.meta.url))
const express = require('express')
const app = express()
app.get('/', (_request, response) => response.send('hello'))
app.listen(0, '127.0.0.1', () => process.exit())
