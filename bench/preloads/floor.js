// The least that a preload needs to say anything true about V8's heap limit.
require('node:v8').getHeapStatistics()
