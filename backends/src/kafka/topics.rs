//! Topics: made where they are absent, held to their settings, and found again under each call.

use super::control::{Control, Shape};
use super::incarnations::{self, Base, Incarnations};
use super::settings::Settings;
use super::voice::Voice;
use super::{KafkaOptions, OpenError};
use domain::generation::Incarnation;
use domain::port::{LogError, TopicPartition};
use domain::topic::CATALOG;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// How often a topic is looked for that was made a moment ago, and how long in between.
const LOOKS: u32 = 100;
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// A partition under a call.
#[derive(Clone, Debug)]
pub struct Place<'a> {
    /// In our words.
    pub at: &'a TopicPartition,
    /// Its topic's name on the brokers.
    pub name: String,
    /// Its number there.
    pub number: i32,
    /// Its offsets.
    pub base: Base,
}

/// The topics of these brokers.
pub struct Topics {
    options: KafkaOptions,
    control: Arc<Control>,
    incarnations: Incarnations,
}

impl Topics {
    /// Asks the brokers who they are.
    pub async fn open(options: KafkaOptions, control: Arc<Control>) -> Result<Self, OpenError> {
        let cluster = control.cluster(options.topic(CATALOG)).await;
        let cluster = cluster.map_err(|error| unreachable(&options, error.to_string()))?;
        let incarnations = Incarnations::of(cluster, options.topic_prefix.clone());
        Ok(Self { options, control, incarnations })
    }

    /// Takes what the catalogue's log says of a topic.
    pub fn learn(&self, topic: &str, incarnation: Incarnation) -> Result<(), OpenError> {
        self.incarnations.learn(topic, incarnation)
    }

    /// Where a partition lies, as far as is known.
    pub async fn place<'a>(&self, at: &'a TopicPartition) -> Result<Place<'a>, LogError> {
        let incarnation = match self.incarnations.find(&at.topic) {
            Some(incarnation) => incarnation,
            None => self.look(&at.topic).await?,
        };
        let unknown = || LogError::UnknownPartition(at.clone());
        let base = incarnations::base(&incarnation, at.partition).ok_or_else(unknown)?;
        let number = i32::try_from(at.partition).map_err(|_| unknown())?;
        Ok(Place { at, name: self.options.topic(&at.topic), number, base })
    }

    /// Which incarnation a topic is, once the brokers have been asked again whether it is what it was.
    pub async fn look(&self, topic: &str) -> Result<Arc<Incarnation>, LogError> {
        let shape = self.shape(topic).await?;
        self.incarnations.see(topic, shape.partitions).map_err(LogError::UnknownPartition)
    }

    /// Whether every partition of a topic would acknowledge a record now.
    pub async fn check_writable(&self, topic: &str) -> Result<(), LogError> {
        let in_sync_min = usize::try_from(self.options.min_insync_replicas).unwrap_or(0);
        self.shape(topic).await?.check_writable(&self.options.topic(topic), in_sync_min)
    }

    async fn shape(&self, topic: &str) -> Result<Shape, LogError> {
        let shape = self.control.find(self.options.topic(topic)).await?;
        shape.ok_or_else(|| LogError::UnknownPartition(TopicPartition::new(topic, 0)))
    }

    /// Makes a topic where it is absent, then holds it to its settings.
    pub async fn declare(&self, topic: &str, partitions: usize) -> Result<(), OpenError> {
        let settings = Settings::of(&self.options, topic, partitions);
        if self.find(&settings).await?.is_none() {
            self.create(&settings).await?;
        }
        self.wait_for(&settings).await?;
        self.check(topic, partitions).await
    }

    /// Holds a topic to its settings; all that differs is told at once.
    pub async fn check(&self, topic: &str, partitions: usize) -> Result<(), OpenError> {
        let settings = Settings::of(&self.options, topic, partitions);
        let findings = match self.find(&settings).await? {
            None => vec![settings.absent()],
            Some(shape) => settings.differences(shape, &self.values(&settings.topic).await?),
        };
        let topic = settings.topic;
        if findings.is_empty() { Ok(()) } else { Err(OpenError::Settings { topic, findings }) }
    }

    async fn find(&self, settings: &Settings) -> Result<Option<Shape>, OpenError> {
        let found = self.control.find(settings.topic.clone()).await;
        found.map_err(|error| unreachable(&self.options, error.to_string()))
    }

    /// Of two that make it at once the second finds it made.
    async fn create(&self, settings: &Settings) -> Result<(), OpenError> {
        let failed = |reason: String| OpenError::Create { topic: settings.topic.clone(), reason };
        let partitions = i32::try_from(settings.partitions).map_err(|error| failed(error.to_string()))?;
        let values = settings.values();
        let replication = TopicReplication::Fixed(settings.replication);
        let topic = NewTopic::new(&settings.topic, partitions, replication);
        let topic = values.iter().fold(topic, |topic, (name, value)| topic.set(name, value));
        let created = self.admin()?.create_topics([&topic], &self.patience()).await;
        for outcome in created.map_err(|error| failed(error.to_string()))? {
            match outcome {
                Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
                Err((_, code)) => return Err(failed(code.to_string())),
            }
        }
        Ok(())
    }

    /// A topic is there a moment before its partitions can be asked, also when another process made it.
    async fn wait_for(&self, settings: &Settings) -> Result<(), OpenError> {
        for _ in 0..LOOKS {
            match self.find(settings).await? {
                Some(shape) if shape.is_led && self.answers(settings, shape).await => return Ok(()),
                Some(_) | None => {}
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
        let reason = "its partitions do not answer".to_owned();
        Err(OpenError::Create { topic: settings.topic.clone(), reason })
    }

    /// Whether the leader of each partition knows it.
    async fn answers(&self, settings: &Settings, shape: Shape) -> bool {
        let at = TopicPartition::new(settings.topic.clone(), 0);
        let partitions = (0..shape.partitions).filter_map(|number| i32::try_from(number).ok());
        for number in partitions {
            let place = Place { at: &at, name: settings.topic.clone(), number, base: Base::default() };
            if self.control.watermarks(&place).await.is_err() {
                return false;
            }
        }
        true
    }

    async fn values(&self, topic: &str) -> Result<HashMap<String, String>, OpenError> {
        let failed = |error: &dyn std::error::Error| unreachable(&self.options, error.to_string());
        let admin = self.admin()?;
        let described = admin.describe_configs(&[ResourceSpecifier::Topic(topic)], &self.patience()).await;
        let described = described.map_err(|error| failed(&error))?.into_iter().next();
        let resource = described.ok_or(KafkaError::Canceled).map_err(|error| failed(&error))?;
        let entries = resource.map_err(|code| failed(&code))?.entries;
        Ok(entries.into_iter().map(|entry| (entry.name, entry.value.unwrap_or_default())).collect())
    }

    fn admin(&self) -> Result<AdminClient<Voice>, OpenError> {
        let made = AdminClient::from_config_and_context(&self.options.control(), Voice);
        made.map_err(|error| OpenError::Client(error.to_string()))
    }

    fn patience(&self) -> AdminOptions {
        AdminOptions::new().request_timeout(Some(self.options.request_timeout))
    }
}

fn unreachable(options: &KafkaOptions, reason: String) -> OpenError {
    OpenError::Unreachable { brokers: options.brokers.clone(), reason }
}
