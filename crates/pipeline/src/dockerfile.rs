//! Images that `buildah`, `podman` or `docker` builds from a Dockerfile: for teams who have one already.

use crate::cache::Whole;
use crate::isolation::Isolation;
use crate::lines::{ending, too_much};
use crate::progress::{Event, Step};
use crate::report::Record;
use crate::seams::BlobSink;
use crate::service::{Kept, ServiceBuild, ServiceBuilt, Stopped};
use crate::shell::{Failure, ShellLine};
use crate::toolchains::Asked;
use crate::verify::Gone;
use crate::{copy, surroundings, toolchains};
use seaworthy_diagnostics::Diagnostic;
use seaworthy_host::files;
use seaworthy_image::layout::{self, Layout};
use seaworthy_image::{ImageError, oci};
use seaworthy_model::Digest;
use seaworthy_model::manifest::BuildNetwork;
use seaworthy_model::release::Origin;
use seaworthy_model::units::format_duration;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::time::Instant;

/// A program that builds Dockerfiles.
struct Tool {
    program: &'static str,
    /// What makes it say its version.
    version: &'static str,
    /// Shell lines that leave an image in `../image` (an OCI layout) or `../image.tar` (what `docker save` writes).
    /// They run in the folder of what goes in; `FILE` is the Dockerfile, `NETWORK` and `PULL` are empty or words that
    /// keep its lines off the network and that look everything up anew.
    lines: &'static [&'static str],
    /// The words for `PULL`.
    anew: &'static str,
}

/// In the order in which they are looked for: the first needs no daemon and nothing of its own beside it.
const TOOLS: [Tool; 3] = [
    Tool {
        program: "buildah",
        version: "buildah --version",
        lines: &[
            "buildah build --layers --format oci $NETWORK $PULL --iidfile ../id --file \"$FILE\" .",
            "buildah push --quiet \"$(cat ../id)\" oci:../image",
        ],
        anew: "--pull-always --no-cache",
    },
    Tool {
        program: "podman",
        version: "podman --version",
        lines: &[
            "podman build --layers --format oci $NETWORK $PULL --iidfile ../id --file \"$FILE\" .",
            "podman save --quiet --format oci-dir --output ../image \"$(cat ../id)\"",
        ],
        anew: "--pull-always --no-cache",
    },
    Tool {
        program: "docker",
        version: "docker --version",
        lines: &[
            "docker build $NETWORK $PULL --iidfile ../id --file \"$FILE\" .",
            "docker save --output ../image.tar \"$(cat ../id)\"",
        ],
        anew: "--pull --no-cache",
    },
];

/// The names of the programs that build Dockerfiles, in the order in which they are looked for.
#[must_use]
pub fn dockerfile_programs() -> [&'static str; TOOLS.len()] {
    TOOLS.map(|tool| tool.program)
}

impl ServiceBuild<'_> {
    /// The image that a Dockerfile makes, as it was built last if nothing changed since.
    pub(crate) fn by_dockerfile(&self, file: &str) -> Result<ServiceBuilt, Stopped> {
        let (folder, last_kept) = (self.folder()?, Mutex::default());
        if !folder.join(file).is_file() {
            let message = format!("the Dockerfile `{file}` of `{}` is not there", self.name);
            let error = self.source.wrong(self.name, "dockerfile", message);
            return Err(error.help("`dockerfile` is a file below the service's `path`").into());
        }
        let plain = Isolation::plain(&folder, surroundings::for_container_tools());
        let tool = TOOLS.iter().find(|tool| surroundings::program(tool.program, &plain.variables).is_some());
        let tool = tool.ok_or_else(|| no_tool(self.name.as_str()))?;
        let mut toolchains = self.toolchains(&folder);
        let version = self.version(tool, &folder, &plain);
        toolchains.insert(tool.program.to_owned(), version.clone());
        let (base, origin) = (format!("dockerfile {file}"), Origin::Dockerfile(file.to_owned()));
        let key = self.fingerprint(&folder, Some(self.listing), &base, &toolchains)?;
        let known = self.cache.whole(&key.digest, self.request.blobs).filter(|_| !self.request.update);
        if let Some(whole) = known.filter(|whole| whole.tested.is_some() || !self.is_tested()) {
            self.tell(Event::Unchanged { service: self.name.clone() });
            let (made, kept) = (self.foreign(&whole, origin)?, Kept::Whole(whole));
            return Ok(ServiceBuilt {
                made,
                unchanged: true,
                kept,
                folder,
                base,
                toolchains,
                key: Some(key),
                last_kept,
            });
        }
        let started = Instant::now();
        let image = self.timed(Step::Build, || self.built_by(tool, &folder, file))?;
        let (tool, record) = (BTreeMap::from([(tool.program.to_owned(), version)]), Record::new(started.elapsed()));
        let whole = Whole { tool, built: record, ..self.look_into(&image)? };
        let (made, kept) = (self.foreign(&whole, origin)?, Kept::Whole(whole));
        let built = ServiceBuilt { made, unchanged: false, kept, folder, base, toolchains, key: Some(key), last_kept };
        self.keep(&built, &built.kept)?;
        Ok(built)
    }

    fn version(&self, tool: &Tool, folder: &Path, isolation: &Isolation) -> String {
        let asked = Asked {
            folder,
            scope: folder,
            isolation,
            confinements: self.confinements,
            limits: &self.request.limits,
            cache: self.cache,
        };
        toolchains::say(&asked, tool.program, tool.version).unwrap_or_default()
    }

    /// Has the tool build a copy of the sources: what somebody wrote, and nothing that is ignored beside it.
    fn built_by(&self, tool: &Tool, folder: &Path, file: &str) -> Result<Digest, Stopped> {
        let name = format!("{}-{}", std::process::id(), self.name);
        let place = self.request.cache.join("dockerfiles").join(name);
        let _gone = Gone(&place);
        let context = place.join("context");
        files::create_directory(&context, 0o700).map_err(Diagnostic::from)?;
        copy::files(folder, &context)?;
        let mut variables = surroundings::for_container_tools();
        variables.insert("FILE".into(), file.into());
        let network = if self.service.build_network == BuildNetwork::None { "--network=none" } else { "" };
        variables.insert("NETWORK".into(), network.into());
        variables.insert("PULL".into(), if self.request.update { tool.anew.into() } else { "".into() });
        let plain = Isolation::plain(&context, variables);
        let deadline = Instant::now() + self.request.limits.time_max;
        tool.lines.iter().try_for_each(|line| self.tool_line(tool, &plain, &context, line, deadline))?;
        let layout = place.join("image");
        if !layout.is_dir() {
            layout::from_docker(&place.join("image.tar"), &layout).map_err(|error| odd(tool, &error))?;
        }
        Ok(self.import(tool, &layout)?)
    }

    fn tool_line(
        &self,
        tool: &Tool,
        isolation: &Isolation,
        folder: &Path,
        line: &str,
        deadline: Instant,
    ) -> Result<(), Stopped> {
        let (program, path) = (tool.program, &self.service.path);
        let file = self.service.dockerfile.as_deref().unwrap_or_default();
        let enter = if path == "." { String::new() } else { format!("cd {path} && ") };
        let by_hand = format!("run it by hand: `{enter}{program} build --file {file} .`");
        let limits = &self.request.limits;
        let shell = ShellLine {
            line,
            folder,
            isolation,
            network: BuildNetwork::Machine,
            confinements: self.confinements,
            limits,
            deadline,
            cancelled: &|| (self.stop)(),
            told: &|text| self.tell(Event::Line { service: self.name.clone(), step: Step::Build, text }),
        };
        let (how, last) = match shell.run() {
            Ok(()) => return Ok(()),
            Err(Failure::Cancelled) => return Err(Stopped::Cancelled),
            Err(Failure::Machine(error)) => return Err(error.into()),
            Err(Failure::Status(status, last)) => (ending(status), last),
            Err(Failure::TooLong(last)) => (format!("it took longer than {}", format_duration(limits.time_max)), last),
            Err(Failure::TooMuch(excess, last)) => (format!("it {}", too_much(excess, limits)), last),
        };
        let message = format!("`{program}` cannot build `{}`: {how}", self.name);
        Err(Diagnostic::user(message).evidence(last).help(by_hand).into())
    }

    /// Puts the image of a layout into the store.
    fn import(&self, tool: &Tool, folder: &Path) -> Result<Digest, Diagnostic> {
        let odd = |error: ImageError| odd(tool, &error);
        let (layout, name) = Layout::open(folder).map_err(odd)?;
        let image = oci::image(&layout, &name).map_err(odd)?;
        let wanted = format!("linux/{}", oci::architecture());
        if image.platform != wanted {
            let message = format!("`{}` built `{}` for `{}`", tool.program, self.name, image.platform);
            return Err(Diagnostic::user(message).help(format!("build it for this machine, `{wanted}`")));
        }
        let layers = image.layers.iter().map(|layer| &layer.digest);
        for digest in layers.chain([&image.config, &image.digest]) {
            take(self.request.blobs, &layout, digest)?;
        }
        Ok(image.digest)
    }
}

fn take(blobs: &dyn BlobSink, layout: &Layout<'_>, digest: &Digest) -> Result<(), Diagnostic> {
    if blobs.contains(digest) {
        return Ok(());
    }
    let actual = blobs.put_written(&mut |out| Ok(layout.copy(digest, out)?))?;
    if actual == *digest { Ok(()) } else { Err(ImageError::WrongDigest { expected: digest.clone(), actual }.into()) }
}

fn odd(tool: &Tool, error: &ImageError) -> Diagnostic {
    let message = format!("what `{}` built cannot be used: {error}", tool.program);
    Diagnostic::machine(message).help("is it an old version? newer ones write OCI images")
}

fn no_tool(service: &str) -> Diagnostic {
    let message = format!("`{service}` has a `dockerfile`, and none of `buildah`, `podman`, `docker` is in PATH");
    Diagnostic::user(message)
        .help("install one of them (`apt-get install buildah`), or name what it runs by `build`, `files` and `run`")
}
