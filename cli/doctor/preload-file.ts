// Whether node would find what --require and --import name, without loading it.
import { accessSync, constants, realpathSync } from 'node:fs'
import { createRequire, isBuiltin } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { Loaded } from './options.ts'

export interface FoundPreload {
  readonly isThere: boolean
  /** The file, links followed; absent where it is none, or not known which. */
  readonly path?: string
}

/** Looks where node, started in this folder, would. Never throws. */
export function findPreload({ named, isImport }: Loaded): FoundPreload {
  if (isBuiltin(named)) return { isThere: true }
  try {
    const path = isImport ? importedFile(named) : createRequire(join(process.cwd(), 'any')).resolve(named)
    if (path === undefined) return { isThere: true }
    accessSync(path, constants.R_OK)
    return { isThere: true, path: realpathSync(path) }
  } catch {
    return { isThere: false } // not there, or not readable: node would end with 1 all the same
  }
}

/** As a module is found: a path is taken as it stands, and a package may export its file to modules alone. Throws where it is not. */
function importedFile(named: string): string | undefined {
  // A scheme that Node does not know may be known to a loader that stands in front.
  if (/^[a-z]{2,}:/.test(named) && !/^(file|node):/.test(named)) return undefined
  if (/^(file:|node:|\.{0,2}\/)/.test(named)) return fileURLToPath(new URL(named, pathToFileURL(`${process.cwd()}/`)))
  try {
    return createRequire(join(process.cwd(), 'any')).resolve(named)
  } catch (error) {
    // Which file of the package it is was asked in the way of --require: that it exports none that way says nothing.
    if ((error as NodeJS.ErrnoException).code === 'ERR_PACKAGE_PATH_NOT_EXPORTED') return undefined
    throw error
  }
}
