import { answerJob } from '../process-job.ts'
import { updateInventory } from './inventory-runner.ts'

// A process that brings the inventory up to date. See inventory-runner.ts.

answerJob(updateInventory)
