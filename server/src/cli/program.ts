// The command `likeness`. Each command is a thin file; what it needs is loaded only when it runs, so that --help and env
// answer at once.
import { Command } from 'commander';
import manifest from '../../package.json' with { type: 'json' };
import { Fault } from '../domain/fault.ts';
import { plan } from './demo/plan.ts';
import { CliFailure } from './failure.ts';

/** Runs one command line and sets the exit code; never throws. */
export async function runProgram(argv: readonly string[]): Promise<void> {
  try {
    await program().parseAsync([...argv]);
  } catch (error) {
    const expected = error instanceof CliFailure || error instanceof Fault;
    console.error(expected ? `likeness: ${error.message}` : error);
    process.exitCode = 1;
  }
}

function program(): Command {
  const likeness = new Command('likeness')
    .description('Teach an image model new subjects from captioned pictures, through the AWS APIs you know.')
    .version(manifest.version)
    .showHelpAfterError('(add --help for the options and an example)')
    .configureHelp({ showGlobalOptions: false });

  likeness
    .command('up')
    .description('start the service in the foreground')
    .option('--port <number>', 'port; 0 takes a free one (default: 4747, or LIKENESS_PORT)')
    .option(
      '--tls-port <number>',
      'port with TLS; 0 takes a free one, "off" none (default: 4748, or LIKENESS_TLS_PORT)',
    )
    .option('--host <address>', 'address to listen on (default: 127.0.0.1, or LIKENESS_HOST)')
    .option('--data <folder>', 'where everything is kept (default: ./.likeness, or LIKENESS_DATA)')
    .option('--region <name>', 'the Region that the service is in (default: us-east-1, or LIKENESS_REGION)')
    .option(
      '--log-level <level>',
      'debug, info, warn, error or silent, as JSON (default: LIKENESS_LOG_LEVEL, or warnings in words)',
    )
    .option('--insecure', 'offer plain HTTP, not TLS alone, on a --host that others can reach')
    .addHelpText(
      'after',
      `${example('npx --no-install likeness up --port 4747 --data ./.likeness')}\n\nFurther settings are variables (LIKENESS_…): docs/guides/operations.md lists them.`,
    )
    .action(async options => (await import('./up.ts')).up(options, process.env));

  likeness
    .command('env')
    .description('print the export lines that point any AWS client at the service')
    .option('--data <folder>', 'its data folder (default: ./.likeness, or LIKENESS_DATA)')
    .option('--tls', 'point it at the port with TLS, and say which certificate to trust')
    .addHelpText('after', example('eval "$(npx --no-install likeness env)" && aws s3 ls'))
    .action(async options => (await import('./env.ts')).env(options, process.env));

  likeness
    .command('sign-in')
    .description('print a link that signs in to the console of the running service: once, within 15 minutes')
    .option('--port <number>', 'the port that it answers on (default: the one it wrote into its data folder)')
    .option('--data <folder>', 'its data folder (default: ./.likeness, or LIKENESS_DATA)')
    .addHelpText('after', example('npx --no-install likeness sign-in'))
    .action(async options => (await import('./sign-in.ts')).signIn(options, process.env));

  likeness
    .command('doctor')
    .description('check what the service needs of this machine, and say how to mend what is missing')
    .option('--port <number>', 'the port to check (default: 4747, or LIKENESS_PORT)')
    .option('--data <folder>', 'the data folder to check (default: ./.likeness, or LIKENESS_DATA)')
    .addHelpText('after', example('npx --no-install likeness doctor'))
    .action(async options => (await import('./doctor.ts')).doctor(options, process.env));

  likeness
    .command('demo')
    .description('teach the embedded model a dog and a cat, and show what it draws before and after')
    .option('--steps <number>', `training steps (default: ${plan.steps})`)
    .option('--folder <folder>', 'where the demo keeps its data and its page', 'demo')
    .addHelpText('after', example('npx --no-install likeness demo'))
    .action(async options => (await import('./demo/demo.ts')).demo(options, process.env));

  const account = likeness.command('account').description('several accounts in one installation, strictly apart');
  const accountCommand = (name: 'create' | 'list' | 'disable' | 'enable', description: string, line: string) =>
    account
      .command(name)
      .description(description)
      .option('--data <folder>', 'the data folder (default: ./.likeness, or LIKENESS_DATA)')
      .addHelpText('after', example(`npx --no-install likeness account ${line}`))
      .action(async options => (await import('./account.ts')).account(name, options, process.env));
  accountCommand('create', 'make an account and print its root key as JSON', 'create --id 111122223333 --name studio')
    .requiredOption('--id <digits>', 'its id: 12 digits')
    .option('--name <name>', 'what people call it');
  accountCommand('list', 'print the accounts as JSON, the oldest first', 'list');
  accountCommand(
    'disable',
    'refuse its keys at once and stop its units; its data stays',
    'disable --id 111122223333',
  ).requiredOption('--id <digits>', 'its id: 12 digits');
  accountCommand('enable', 'take its keys again and start its units', 'enable --id 111122223333').requiredOption(
    '--id <digits>',
    'its id: 12 digits',
  );

  const model = likeness.command('model').description('base models that jobs train and requests draw with');
  model
    .command('add')
    .description('check a base model, part by part, and register it')
    .argument('<source>', 'a folder in diffusers layout, with safetensors; or hf:OWNER/NAME[@REVISION] to download one')
    .option(
      '--id <provider.model>',
      'the id that it shall have (default: what its likeness.json says, or the names of the hub)',
    )
    .option('--licence <name>', 'the licence that binds it (default: what its likeness.json or the hub says)')
    .option('--data <folder>', 'the data folder (default: ./.likeness, or LIKENESS_DATA)')
    .addHelpText(
      'after',
      example('npx --no-install likeness model add /models/photos --id acme.photos-v1 --licence openrail++'),
    )
    .action(async (source, options) => (await import('./model.ts')).modelAdd(source, options, process.env));
  model
    .command('list')
    .description('print the base models: licence, tasks, sizes, memory')
    .option('--data <folder>', 'the data folder (default: ./.likeness, or LIKENESS_DATA)')
    .addHelpText('after', example('npx --no-install likeness model list'))
    .action(async options => (await import('./model.ts')).modelList(options, process.env));
  model
    .command('export')
    .description("write a custom or imported model's LoRA into a file that other tools load")
    .argument('<arn>', 'the model')
    .requiredOption('--format <layout>', 'diffusers (load_lora_weights), or kohya (ComfyUI and others)')
    .requiredOption('--out <file>', 'the file to write, a .safetensors')
    .option('--data <folder>', 'the data folder (default: ./.likeness, or LIKENESS_DATA)')
    .addHelpText(
      'after',
      example('npx --no-install likeness model export $MODEL_ARN --format kohya --out ron.safetensors'),
    )
    .action(async (arn, options) => (await import('./model-export.ts')).modelExport(arn, options, process.env));
  model
    .command('remove')
    .description('forget a registered base model; refused while a job, a throughput or a deployment uses it')
    .argument('<id>', 'its id')
    .option('--data <folder>', 'the data folder (default: ./.likeness, or LIKENESS_DATA)')
    .addHelpText('after', example('npx --no-install likeness model remove acme.photos-v1'))
    .action(async (id, options) => (await import('./model.ts')).modelRemove(id, options, process.env));

  likeness
    .command('usage')
    .description('print what the first account has used in a Region: images, hours of model units, months of models')
    .option('--from <date>', 'first day, UTC (default: the first of this month)')
    .option('--to <date>', 'the day after the last one (default: tomorrow)')
    .option('--by <period>', 'total, day or month (default: total)')
    .option('--resources', 'an entry for each resource')
    .option('--region <name>', "the Region to tell of (default: the server's)")
    .option('--data <folder>', 'the data folder (default: ./.likeness, or LIKENESS_DATA)')
    .addHelpText('after', example('npx --no-install likeness usage --from 2026-11-01 --by day'))
    .action(async options => (await import('./usage.ts')).usage(options, process.env));

  likeness
    .command('estimate')
    .description('print what a fine-tuning job would take, by those completed here, or whether model units are there')
    .option('--images <number>', 'training images of a job')
    .option('--steps <number>', 'its stepCount (default: auto)')
    .option('--batch <number>', 'its batchSize (default: 8)')
    .option('--model <id>', 'its baseModelIdentifier', 'amazon.titan-image-generator-v1:0')
    .option('--units <number>', 'model units to buy')
    .option('--commitment <duration>', 'OneMonth or SixMonths (default: none)')
    .option('--region <name>', "the Region to ask in (default: the server's)")
    .option('--data <folder>', 'the data folder (default: ./.likeness, or LIKENESS_DATA)')
    .addHelpText('after', example(`npx --no-install likeness estimate --images 60 --steps ${plan.steps}`))
    .action(async options => (await import('./usage.ts')).estimate(options, process.env));

  const dataset = likeness.command('dataset').description('check or build a data set before a job is paid for');
  dataset
    .command('check')
    .description('check every line of a train.jsonl and every image that it names')
    .argument('<place>', 'a train.jsonl or a folder that holds one, here or as s3://bucket/folder')
    .option('--images <folder>', 'where the images of a local manifest are (default: beside it)')
    .option('--trigger <words>', 'name the captions without these words, e.g. "Ron the dog"')
    .addHelpText('after', example('npx --no-install likeness dataset check s3://my-bucket/data/train.jsonl'))
    .action(async (place, options) => (await import('./dataset-check.ts')).datasetCheck(place, options, process.env));
  dataset
    .command('build')
    .description(
      'write a train.jsonl for a folder of images with captions; pictures that a job would refuse are left out',
    )
    .argument(
      '<folder>',
      'images, in folders too, each with a caption in a .txt or .caption of its name; or a captions file',
    )
    .requiredOption('--s3-prefix <uri>', 'where the images will be in S3, e.g. s3://my-bucket/data')
    .option('--captions <file>', 'captions.jsonl, .csv or .tsv instead of .txt files (default: the one in the folder)')
    .option('--output <file>', 'the manifest to write (default: FOLDER/train.jsonl)')
    .option('--trigger <words>', 'put into each caption: for [trigger] in it, else in front where it is missing')
    .option('--prefix <words>', 'begin each caption with these words')
    .option('--suffix <words>', 'end each caption with these words')
    .option('--force', 'write over an existing manifest')
    .addHelpText('after', example('npx --no-install likeness dataset build ./pictures --s3-prefix s3://my-bucket/data'))
    .action(async (folder, options) => (await import('./dataset-build.ts')).datasetBuild(folder, options));

  dataset
    .command('caption')
    .description('write a caption for each picture that has none; the service must run')
    .argument('<place>', 'a train.jsonl, a folder of images (captions go into .txt files), or s3://bucket/folder')
    .option('--trigger <words>', 'what the pictures show, e.g. "Ron the dog": the captions call it so')
    .option('--model <id>', 'the captioning model (default: the one registered last, else the embedded one)')
    .option('--overwrite', 'caption anew what has a caption')
    .option('--data <folder>', 'the data folder (default: ./.likeness, or LIKENESS_DATA)')
    .addHelpText('after', example('npx --no-install likeness dataset caption ./pictures --trigger "Ron the dog"'))
    .action(async (place, options) =>
      (await import('./dataset-prepare.ts')).datasetCaption(place, options, process.env),
    );
  dataset
    .command('mask')
    .description('make a mask of the subject for each picture that has none; the service must run')
    .argument('<place>', 'a train.jsonl, a folder of images, or s3://bucket/folder; masks go into masks/ beside them')
    .requiredOption('--subject <words>', 'what to find, e.g. "the dog"')
    .option('--model <id>', 'the segmentation model (default: the one registered last, else the embedded one)')
    .option('--overwrite', 'make masks anew where there are some')
    .option('--data <folder>', 'the data folder (default: ./.likeness, or LIKENESS_DATA)')
    .addHelpText('after', example('npx --no-install likeness dataset mask ./pictures --subject "the dog"'))
    .action(async (place, options) => (await import('./dataset-prepare.ts')).datasetMask(place, options, process.env));

  return likeness;
}

function example(line: string): string {
  return `\nExample:\n  ${line}`;
}
