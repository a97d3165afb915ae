// Starts the reference server of Bluesky (PDS) and a directory of identities (PLC) on 127.0.0.1, in the folder argv[2].
// Writes one line of JSON, {"port": ...}, when it can be asked; ends when its input does.
'use strict'
const net = require('net')
const path = require('path')
const { createRequire } = require('module')

// The server listens on all interfaces by itself; here nothing may but this machine's own.
const listen = net.Server.prototype.listen
net.Server.prototype.listen = function (...args) {
  const done = args.find((each) => typeof each === 'function')
  const port = typeof args[0] === 'object' && args[0] !== null ? args[0].port : args[0]
  return listen.call(this, { port: port || 0, host: '127.0.0.1' }, done)
}

async function main() {
  const from = createRequire(path.join(process.argv[2], 'package.json'))
  const data = process.argv[3]
  const { PlcServer, Database } = from('@did-plc/server')
  const plc = PlcServer.create({ db: Database.mock(), port: 0 })
  const directory = await plc.start()
  const { PDS, envToCfg, envToSecrets, readEnv } = from('@atproto/pds')
  Object.assign(process.env, {
    PDS_HOSTNAME: 'localhost', PDS_PORT: '1', PDS_DEV_MODE: 'true', PDS_DATA_DIRECTORY: data,
    PDS_BLOBSTORE_DISK_LOCATION: path.join(data, 'blobs'), PDS_DID_PLC_URL: `http://127.0.0.1:${directory.address().port}`,
    PDS_SERVICE_HANDLE_DOMAINS: '.test', PDS_INVITE_REQUIRED: 'false', PDS_RATE_LIMITS_ENABLED: 'true',
    PDS_JWT_SECRET: process.argv[4], PDS_ADMIN_PASSWORD: process.argv[5],
    PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX: '4'.repeat(64),
  })
  const env = readEnv()
  const config = envToCfg(env)
  config.service.port = 0
  const pds = await PDS.create(config, envToSecrets(env))
  const server = await pds.start()
  process.stdout.write(JSON.stringify({ port: server.address().port }) + '\n')
  process.stdin.resume()
  process.stdin.on('end', () => process.exit(0))
}

main().catch((error) => {
  process.stderr.write(`${error && error.stack}\n`)
  process.exit(1)
})
